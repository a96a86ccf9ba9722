"""POST /api/v1/links."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.support.entries import create_link, new_alias


def test_link_gets_a_short_address_that_redirects(client: httpx.Client) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/a?b=c#d", "title": " A title "})

    assert response.status_code == 201
    link = response.json()
    assert set(link) == {
        "key", "url", "short_url", "original_url", "kind", "title", "visibility",
        "created_at", "updated_at", "expires_at", "views_left", "has_public_statistics", "passes_query", "visit_count",
        "imported_visit_count", "manage_token",
    }  # fmt: skip
    assert link["url"] == link["short_url"] == response.headers["location"] == f"http://slipbin.test/{link['key']}"
    assert (link["kind"], link["visibility"], link["title"]) == ("link", "unlisted", "A title")
    assert len(link["key"]) == 7
    followed = client.get(f"/{link['key']}")
    assert (followed.status_code, followed.headers["location"]) == (302, "https://example.org/a?b=c#d")


def test_guest_link_lives_ten_days_unless_told_otherwise(client: httpx.Client) -> None:
    link = create_link(client)

    lifetime = datetime.fromisoformat(link["expires_at"]) - datetime.fromisoformat(link["created_at"])
    assert lifetime == timedelta(days=10)


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P7D", timedelta(days=7)),
        ("P1W", timedelta(weeks=1)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        (90, timedelta(seconds=90)),
        (31_536_000, timedelta(days=365)),
        ("60", timedelta(minutes=1)),
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("1w2d3h4m5", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
    ],
)
def test_lifetime_can_be_a_duration(client: httpx.Client, expires_in: str | int, lifetime: timedelta) -> None:
    link = create_link(client, expires_in=expires_in)

    assert datetime.fromisoformat(link["expires_at"]) - datetime.fromisoformat(link["created_at"]) == lifetime


def test_lifetime_can_be_an_exact_instant_in_any_offset(client: httpx.Client) -> None:
    end = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)

    link = create_link(client, expires_at=(end + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00"))

    assert datetime.fromisoformat(link["expires_at"]) == end


@pytest.mark.parametrize(
    ("lifetime", "code"),
    [
        ({"expires_in": 0}, "duration_invalid"),
        ({"expires_in": -5}, "duration_invalid"),
        ({"expires_in": 1.5}, "duration_invalid"),
        ({"expires_in": True}, "duration_invalid"),
        ({"expires_in": "1 day"}, "duration_invalid"),
        ({"expires_in": "P1Y"}, "duration_invalid"),
        ({"expires_in": "P"}, "duration_invalid"),
        ({"expires_in": "P1DT"}, "duration_invalid"),
        ({"expires_in": 10**30}, "duration_invalid"),
        ({"expires_in": "P366D"}, "expiry_too_far"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expiry_past"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expiry_too_far"),
        ({"expires_at": "2030-01-01T00:00:00"}, "timezone_aware"),
        ({"expires_at": 1893456000}, "instant_invalid"),
        ({"expires_at": "2030-01-01T00:00:00Z", "expires_in": 60}, "expiry_twice"),
    ],
)
def test_impossible_lifetime_is_refused(client: httpx.Client, lifetime: dict[str, object], code: str) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", **lifetime})

    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] == code


@pytest.mark.parametrize(
    ("expires_in", "sentence"),
    [
        ("P1M", "Months differ in length; say P30D."),
        ("P2Y", "Years differ in length; say P730D."),
        ("P1Y6M", "Years and months differ in length; say P545D."),
    ],
)
def test_months_and_years_are_refused_with_the_days_to_say(
    client: httpx.Client, expires_in: str, sentence: str
) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", "expires_in": expires_in})

    assert (response.status_code, response.json()["errors"][0]["message"]) == (422, sentence)


def test_url_is_another_name_of_the_target(client: httpx.Client) -> None:
    link = client.post("/api/v1/links", json={"url": "https://example.org/named-url"}).json()
    assert link["original_url"] == "https://example.org/named-url"

    changed = client.patch(
        f"/api/v1/entries/{link['key']}",
        json={"url": "https://example.org/changed"},
        headers={"X-Manage-Token": link["manage_token"]},
    )
    assert (changed.status_code, changed.json()["original_url"]) == (200, "https://example.org/changed")
    assert changed.json()["url"] == link["url"]


@pytest.mark.parametrize(
    ("target", "errors"),
    [
        ({}, [("original_url", "missing")]),
        ({"url": "https://example.org/", "original_url": "https://example.org/"}, [("", "url_twice")]),
        ({"url": "javascript:alert(1)"}, [("original_url", "url_invalid")]),
    ],
)
def test_target_under_neither_or_both_names_is_refused(
    client: httpx.Client, target: dict[str, str], errors: list[tuple[str, str]]
) -> None:
    response = client.post("/api/v1/links", json=target)

    assert response.status_code == 422
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == errors


def test_alias_becomes_the_key_and_its_case_counts(client: httpx.Client) -> None:
    alias = new_alias()

    assert create_link(client, alias=alias)["key"] == alias
    assert create_link(client, alias=alias.upper())["key"] == alias.upper()
    assert client.get(f"/{alias}").status_code == 302


def test_taken_alias_is_a_409(client: httpx.Client) -> None:
    alias = create_link(client, alias=new_alias())["key"]

    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", "alias": alias})

    assert (response.status_code, response.json()["code"]) == (409, "alias_taken")


@pytest.mark.parametrize("alias", ["docs", "Login", "API", "static"])
def test_reserved_alias_is_a_422(client: httpx.Client, alias: str) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", "alias": alias})

    assert (response.status_code, response.json()["code"]) == (422, "alias_reserved")


@pytest.mark.parametrize("alias", ["ab", "a" * 65, "with space", "ümlaut", "a/b", "a+b", "abc\n", ""])
def test_malformed_alias_is_a_422(client: httpx.Client, alias: str) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", "alias": alias})

    assert response.status_code == 422
    assert response.json()["errors"][0] | {"message": ""} == {"field": "alias", "code": "alias_invalid", "message": ""}


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "ftp://example.org/", "example",
        "/path", "http:/example.org", "http:\\\\example.org", "http:example.org", "https://", "http://",
        "java\tscript:alert(1)", "https://example.org/\nx: y",
        "https://example.org/\x00", "https://exam\u00a0ple.org/", "https://example.org:99999/", "https://[::1/",
        "https://example.org/" + "a" * 8192, " " * 8192 + "https://example.org/",
    ],
)  # fmt: skip
def test_url_that_is_not_plain_http_is_refused(client: httpx.Client, url: str) -> None:
    response = client.post("/api/v1/links", json={"original_url": url})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "original_url"


def test_original_url_is_kept_as_given_and_sent_in_ascii(client: httpx.Client) -> None:
    link = create_link(client, original_url="https://bücher.example/straße?q=ü")

    assert link["original_url"] == "https://bücher.example/straße?q=ü"
    location = client.get(f"/{link['key']}").headers["location"]
    assert location == "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC"


def test_unknown_field_is_refused(client: httpx.Client) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", "vissibility": "public"})

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "vissibility", "code": "extra_forbidden", "message": "There is no such field."}
    ]


def test_private_visibility_waits_for_accounts(client: httpx.Client) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", "visibility": "private"})

    assert response.status_code == 422


@pytest.mark.parametrize("title", ["a" * 201, "line\nbreak", "nul\x00", "bell\x07", "\u2028"])
def test_impossible_title_is_refused(client: httpx.Client, title: str) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/", "title": f"a{title}b"})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "title"


def test_64_creates_at_once_give_64_keys(client: httpx.Client) -> None:
    with ThreadPoolExecutor(64) as pool:
        links = list(pool.map(lambda number: create_link(client, title=str(number)), range(64)))

    assert len({link["key"] for link in links}) == 64


def test_addresses_never_come_from_the_host_header(client: httpx.Client) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}

    response = client.post("/api/v1/links", json={"original_url": "https://example.org/"}, headers=headers)

    assert "evil" not in response.text + response.headers["location"]
