"""A running mix of requests, each kind in a thread of its own, and what was answered when."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import redis

from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import BROWSER
from tests.support.waiting import eventually
from tests.support.web import WebServer

PAUSE_SECONDS = 0.1
"""Between two requests of a thread, so that the mix leaves the processor to what it tests."""
WAIT_SECONDS = 60.0
LONGEST_SECONDS = 20.0
"""Well over twice what it should take, for a machine that is busy; without a time-out it would be 30 s."""
READY = "ready"
READY_SECONDS = 12.0
"""Four times what it should take, for the same reason."""
TEXT = "text of the mix " * 5_000
"""More than a process keeps in memory, so each reader needs the store."""
DOCUMENTED = frozenset({200, 201, 204, 302, 503})
"""The mix asks for nothing that does not exist, and nothing forbidden."""


@dataclass(frozen=True)
class TimedAnswer:
    """An answer to one kind of request; times are of `time.monotonic`."""

    kind: str
    begun_at: float
    ended_at: float
    response: httpx.Response

    @property
    def outcome(self) -> str:
        """The status, and the code of a refusal: `503 database_unavailable`. Of readiness: `200 degraded: redis`."""
        if self.kind == READY:
            told = self.response.json()
            away = [part for part, state in told["parts"].items() if state == "away"]
            return f"{self.response.status_code} {told['status']}: {', '.join(away)}"
        if "problem+json" in self.response.headers.get("content-type", ""):
            return f"{self.response.status_code} {self.response.json()['code']}"
        return str(self.response.status_code)

    @property
    def seconds(self) -> float:
        return self.ended_at - self.begun_at


class MixedRequests:
    """Use it as a context; it goes on until its end. A request that gets no answer at all fails `stop`."""

    def __init__(self, server: WebServer, valkey: "redis.Redis[str]") -> None:
        self.answers: list[TimedAnswer] = []
        self._server = server
        self._failures: list[str] = []
        self._ending = threading.Event()
        with server.new_client() as client:
            self._link, self._paste = create_link(client), create_paste(client, text=TEXT)
            self._known_paste = create_paste(client)
            client.get(f"/{self._known_paste['key']}/raw")
            self._fresh_link = create_link(client)
            client.get(f"/{self._paste['key']}")

            def is_cached() -> bool:
                client.get(f"/{self._link['key']}")
                return bool(valkey.exists(f"entry:{{0}}:{self._link['key']}"))

            # A process whose Redis was just away leaves it alone for two more seconds.
            eventually(is_cached, "a cached entry")
            self._to_delete = deque(create_paste(client) for _ in range(20))
        self._sending = {kind: threading.Lock() for kind in self._requests()}
        self._threads = [
            threading.Thread(target=self._go_on, args=(kind, send), daemon=True)
            for kind, send in self._requests().items()
        ]

    def __enter__(self) -> "MixedRequests":
        for thread in self._threads:
            thread.start()
        self.wait_for_all(lambda answer: answer.response.status_code < 400, since=time.monotonic())
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
        assert not self._failures, self._failures[:3]

    @contextmanager
    def silence(self) -> Iterator[None]:
        """No request is under way while it lasts."""
        with ExitStack() as stack:
            for sending in self._sending.values():
                stack.enter_context(sending)
            yield

    def wait_for_all(self, is_wanted: Callable[[TimedAnswer], bool] = lambda _: True, *, since: float) -> float:
        """Wait until every kind has had such an answer to a request begun after `since`; return the seconds."""
        kinds = self._requests().keys()

        def has_all() -> bool:
            answers = [answer for answer in list(self.answers) if answer.begun_at >= since and is_wanted(answer)]
            return {answer.kind for answer in answers} >= kinds

        eventually(has_all, f"such an answer to each request; failures: {self._failures[:3]}")
        return time.monotonic() - since

    def outcomes(self, *, since: float, until: float) -> dict[str, set[str]]:
        """What was answered, by kind, to requests begun and ended in this time."""
        found: dict[str, set[str]] = defaultdict(set)
        for answer in self.answers:
            if answer.begun_at >= since and answer.ended_at <= until:
                found[answer.kind].add(answer.outcome)
        return dict(found)

    def slowest(self, *, since: float = 0.0) -> TimedAnswer:
        return max((a for a in self.answers if a.begun_at >= since), key=lambda answer: answer.seconds)

    def _requests(self) -> dict[str, Callable[[httpx.Client], httpx.Response | None]]:
        link, paste, fresh = self._link, self._paste, self._fresh_link
        return {
            "create link": lambda client: client.post("/api/v1/links", json={"original_url": "https://example.org/"}),
            "create paste": self._create_paste,
            "follow link": lambda client: client.get(f"/{link['key']}"),
            "preview link": lambda client: client.get(f"/{link['key']}+", headers=BROWSER),
            "read raw": lambda client: client.get(f"/{paste['key']}/raw"),
            "read known raw": lambda client: client.get(f"/{self._known_paste['key']}/raw"),
            "read page": lambda client: client.get(f"/{paste['key']}", headers=BROWSER),
            "get entry": lambda client: client.get(f"/api/v1/entries/{paste['key']}"),
            # It is changed all the time: where the row can be read, this leaves the cached entry that ends its
            # tombstone.
            "follow changed link": lambda client: client.get(f"/{fresh['key']}"),
            "change link": lambda client: self._change(client, fresh, title=str(time.monotonic())),
            "change text": lambda client: self._change(client, self._paste, text=TEXT),
            "delete": self._delete,
            "home page": lambda client: client.get("/", headers=BROWSER),
            "live": lambda client: client.get("/health/live"),
            READY: lambda client: client.get("/health/ready"),
        }

    def _create_paste(self, client: httpx.Client) -> httpx.Response:
        response = client.post("/api/v1/pastes", json={"text": "some text"})
        if response.status_code == 201:
            self._to_delete.append(response.json())
        return response

    def _change(self, client: httpx.Client, entry: dict[str, Any], **changes: str) -> httpx.Response:
        return client.patch(f"/api/v1/entries/{entry['key']}", json=changes, headers=manage_headers(entry))

    def _delete(self, client: httpx.Client) -> httpx.Response | None:
        """Each entry is tried once, because after a 503 it may be gone."""
        if not self._to_delete:
            return None
        entry = self._to_delete.popleft()
        return client.delete(f"/api/v1/entries/{entry['key']}", headers=manage_headers(entry))

    def _go_on(self, kind: str, send: Callable[[httpx.Client], httpx.Response | None]) -> None:
        with self._server.new_client() as client:
            while not self._ending.wait(PAUSE_SECONDS):
                try:
                    with self._sending[kind]:
                        begun_at = time.monotonic()
                        response = send(client)
                except httpx.HTTPError as error:
                    self._failures.append(f"{kind}: {error!r}")
                    continue
                if response is not None:
                    self.answers.append(TimedAnswer(kind, begun_at, time.monotonic(), response))


def assert_well_mannered(answers: Iterable[TimedAnswer]) -> None:
    """Every answer is documented and in time; every refusal says when to come back, in its reader's language."""
    for answer in answers:
        response = answer.response
        assert response.status_code in DOCUMENTED, (answer.kind, response.status_code, response.text)
        assert answer.seconds < LONGEST_SECONDS, (answer.kind, answer.outcome, answer.seconds)
        if response.status_code == 503:
            assert int(response.headers["retry-after"]) > 0
        if answer.kind == READY:
            assert answer.seconds < READY_SECONDS
        elif response.status_code == 503:
            is_page = response.request.headers["accept"] == BROWSER["Accept"]
            wanted = "text/html; charset=utf-8" if is_page else "application/problem+json"
            assert response.headers["content-type"] == wanted
