"""What is recorded of a visit, which requests are one, and that each is recorded once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import httpx
import redis

from tests.support.entries import Headers, create_link, create_paste, manage_headers
from tests.support.pages import BROWSER, CURL, FOREIGN, reveal
from tests.support.visits import (
    StreamedVisit,
    count_streamed_visits,
    read_batches,
)
from tests.support.web import WebServer

VISITS = 800
CLIENTS = 16
SLACKBOT = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"
Read = Callable[[httpx.Client], httpx.Response]


def test_every_visit_of_a_crowd_is_recorded_once_and_nothing_else_is(
    web: WebServer, client: httpx.Client, valkey: "redis.Redis[str]"
) -> None:
    links = [create_link(client)["key"] for _ in range(3)]
    pastes = [create_paste(client)["key"] for _ in range(3)]
    limited_link = create_link(client, views=VISITS)["key"]
    limited_paste = create_paste(client, views=VISITS)["key"]
    ended = create_paste(client)
    client.delete(f"/api/v1/entries/{ended['key']}", headers=manage_headers(ended))
    (link, *_), (paste, *_) = links, pastes
    ahead = BROWSER | {"Sec-Purpose": "prefetch;prerender"}

    visits: list[tuple[str, int, Read]] = [
        *((key, 302, lambda c, key=key: c.get(f"/{key}")) for key in links * 4),
        *((key, 200, lambda c, key=key: c.get(f"/{key}/raw")) for key in pastes),
        *((key, 200, lambda c, key=key: c.get(f"/{key}", headers=BROWSER)) for key in pastes),
        *((key, 200, lambda c, key=key: c.get(f"/{key}")) for key in pastes),
        *((key, 200, lambda c, key=key: c.get(f"/api/v1/entries/{key}/text")) for key in pastes),
        (link, 302, lambda c: c.get(f"/{link}", headers={"User-Agent": SLACKBOT})),
        (limited_link, 302, lambda c: c.get(f"/{limited_link}", headers=CURL)),
        (limited_link, 303, lambda c: reveal(c, limited_link)),
        (limited_paste, 200, lambda c: c.get(f"/{limited_paste}/raw", headers=CURL)),
        (limited_paste, 200, lambda c: reveal(c, limited_paste)),
    ]
    no_visits: list[tuple[int, Read]] = [
        (302, lambda c: c.head(f"/{link}")),
        (200, lambda c: c.head(f"/{paste}")),
        (200, lambda c: c.head(f"/{paste}/raw")),
        (302, lambda c: c.get(f"/{link}", headers=ahead)),
        (302, lambda c: c.get(f"/{link}", headers={"Purpose": "prefetch"})),
        (302, lambda c: c.get(f"/{link}", headers={"X-Moz": "prefetch"})),
        (302, lambda c: c.get(f"/{link}", headers={"X-Purpose": "preview"})),
        (200, lambda c: c.get(f"/{paste}/raw", headers=ahead)),
        (200, lambda c: c.get(f"/api/v1/entries/{paste}/text", headers=ahead)),
        (200, lambda c: c.get(f"/{link}+")),
        (302, lambda c: c.get(f"/{paste}+")),
        (303, lambda c: c.get(f"/{paste}/reveal")),
        (200, lambda c: c.get(f"/api/v1/entries/{paste}")),
        (404, lambda c: c.get(f"/api/v1/entries/{link}/text")),
        (404, lambda c: c.get(f"/{link}/raw")),
        (404, lambda c: c.get("/never-used")),
        (410, lambda c: c.get(f"/{ended['key']}")),
        (410, lambda c: c.get(f"/{ended['key']}/raw")),
        (410, lambda c: c.get(f"/api/v1/entries/{ended['key']}/text")),
        (200, lambda c: c.get(f"/{limited_link}", headers=BROWSER)),
        (403, lambda c: c.get(f"/{limited_paste}/raw", headers={"User-Agent": SLACKBOT})),
        (403, lambda c: c.post(f"/{limited_paste}/reveal", data={"other": ""}, headers=BROWSER | FOREIGN[0])),
        (200, lambda c: c.get("/", headers=BROWSER)),
    ]
    work = list(zip(islice(cycle(visits), VISITS), cycle(no_visits), strict=False))

    def go(share: int) -> Counter[str]:
        answered: Counter[str] = Counter()
        with web.new_client() as visitor:
            for number, ((key, status, visit), (other_status, other)) in enumerate(work[share::CLIENTS]):
                response = visit(visitor)
                assert response.status_code == status, (key, response.status_code, response.text)
                answered[key] += 1
                if number % 3 == 0:
                    response = other(visitor)
                    assert response.status_code == other_status, (response.request.url, response.status_code)
        return answered

    with ThreadPoolExecutor(CLIENTS) as pool:
        answered = sum(pool.map(go, range(CLIENTS)), Counter[str]())

    assert answered.total() == VISITS
    assert count_streamed_visits(valkey, [*answered, ended["key"], "never-used"]) == answered
    told: dict[str, list[StreamedVisit]] = {}
    for batch_id, visits in read_batches(valkey):
        if not {visit.key for visit in visits} & answered.keys():
            # Of another test, which may have broken Redis.
            continue
        # On a slow machine Redis may take too long for a batch, which is added again then.
        assert set(visits) <= set(told.setdefault(batch_id, visits)), "two batches have one id"


def test_each_kind_of_answer_that_is_no_visit_is_not_recorded(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    """One by one, so that none hides behind another."""
    link, paste = create_link(client)["key"], create_paste(client)["key"]
    limited = create_paste(client, views=5)["key"]
    ended = create_link(client)
    client.delete(f"/api/v1/entries/{ended['key']}", headers=manage_headers(ended))
    requests: list[tuple[str, str, Headers]] = [
        ("HEAD", f"/{link}", {}),
        ("HEAD", f"/{paste}", BROWSER),
        ("HEAD", f"/{paste}/raw", {}),
        ("HEAD", f"/{limited}", {}),
        ("HEAD", f"/{limited}", CURL),
        ("GET", f"/{limited}", {}),
        ("GET", f"/{limited}", CURL | {"Purpose": "prefetch"}),
        ("GET", f"/{link}", {"Sec-Purpose": "prefetch"}),
        ("GET", f"/{link}", {"Sec-Purpose": "prefetch;prerender"}),
        ("GET", f"/{link}", {"Purpose": "prefetch"}),
        ("GET", f"/{link}", {"X-Purpose": "preview"}),
        ("GET", f"/{link}", {"X-Moz": "prefetch"}),
        ("GET", f"/{paste}", BROWSER | {"Sec-Purpose": "prefetch"}),
        ("GET", f"/{paste}?view=code", BROWSER | {"Sec-Fetch-Site": "same-origin"}),
        ("GET", f"/{paste}?lang=ruby", BROWSER | {"Sec-Fetch-Site": "same-origin"}),
        ("GET", f"/{paste}?lang=", BROWSER | {"Sec-Fetch-Site": "same-origin"}),
        ("GET", f"/{paste}?view=nothing", BROWSER),
        ("GET", f"/{paste}/raw", {"Sec-Purpose": "prefetch"}),
        ("GET", f"/api/v1/entries/{paste}/text", {"Sec-Purpose": "prefetch"}),
        ("GET", f"/{link}+", {}),
        ("GET", f"/{paste}+", {}),
        ("GET", f"/{paste}/reveal", {}),
        ("POST", f"/{paste}/reveal", FOREIGN[0]),
        ("GET", f"/api/v1/entries/{link}", {}),
        ("GET", f"/{link}/raw", {}),
        ("GET", f"/{limited}", BROWSER),
        ("GET", f"/{limited}", {"User-Agent": SLACKBOT}),
        ("GET", f"/{limited}/raw", {"User-Agent": SLACKBOT}),
        ("GET", f"/api/v1/entries/{limited}/text", {"User-Agent": SLACKBOT}),
        ("POST", f"/{limited}/reveal", FOREIGN[0]),
        ("GET", f"/{ended['key']}", {}),
        ("GET", f"/{ended['key']}/raw", {}),
    ]
    for method, path, headers in requests:
        form = {"other": ""} if method == "POST" else None
        response = client.request(method, path, headers=headers, data=form)
        assert response.status_code < 500, path
        recorded = count_streamed_visits(valkey, [link, paste, limited, ended["key"]])
        assert not recorded, (method, path, headers, response.status_code)
