"""Bitly: pyshorteners, unmodified, and the calls of its version 4 that other clients make."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.accounts import User, api_token_headers, create_api_token, new_user
from tests.support.entries import create_link, list_entries, new_alias, owned_link
from tests.support.foreign_clients import Home, foreign_client
from tests.support.statistics import insert_hour_counts, utc

TARGET = "https://example.org/?q=a%20b&c=d+e;f#g"


@pytest.fixture
def door_user(doors_client: httpx.Client) -> User:
    return new_user(doors_client)


@pytest.fixture
def token_headers(doors_client: httpx.Client, door_user: User) -> dict[str, str]:
    return api_token_headers(doors_client, door_user)


def run_pyshorteners(home: Home, token: str, *calls: str) -> list[str]:
    """What each call returns, of one program, because its start takes longer than they do."""
    program = (
        "import pyshorteners",
        f"bitly = pyshorteners.Shortener(api_key={token!r}, api_url={home.site + '/v4'!r}, timeout=30).bitly",
        *(f"print(bitly.{call})" for call in calls),
    )
    return home.run(foreign_client("python", "pyshorteners"), "-c", "\n".join(program)).split()


async def test_pyshorteners_shortens_expands_and_counts(
    home: Home, doors_client: httpx.Client, door_user: User, database: asyncpg.Connection
) -> None:
    token = create_api_token(doors_client, door_user)

    link, again = run_pyshorteners(home, token, *[f"short({TARGET!r})"] * 2)
    key = link.rpartition("/")[2]
    # So long ago that no single history reaches as far.
    await database.execute("UPDATE entry SET created_at = now() - interval '900 days' WHERE key = $1", key)
    await insert_hour_counts(database, key, datetime.now(UTC).replace(minute=0, second=0, microsecond=0), people=2)
    before = datetime.now(UTC) - timedelta(days=890)
    await insert_hour_counts(database, key, before.replace(minute=0, second=0, microsecond=0), people=40, bots=5)

    assert link == again == f"{home.site}/{key}"
    assert [item["original_url"] for item in list_entries(doors_client, door_user)["items"]] == [TARGET]
    assert run_pyshorteners(home, token, f"expand({link!r})", f"total_clicks({link!r})") == [TARGET, "42"]


def test_bitlinks_are_made_read_changed_and_deleted(doors_client: httpx.Client, token_headers: dict[str, str]) -> None:
    alias = new_alias()
    sent = {"long_url": TARGET, "title": "A title", "keyword": alias, "group_guid": "unknown", "domain": "bit.ly"}

    made = doors_client.post("/v4/bitlinks", json=sent, headers=token_headers)
    path = f"/v4/bitlinks/{made.json()['id']}"
    changed = doors_client.patch(
        path, json={"title": "Other", "long_url": "https://example.net/"}, headers=token_headers
    )

    assert made.status_code == 201
    assert (made.json()["long_url"], made.json()["title"]) == (TARGET, "A title")
    assert made.json()["id"] == f"{str(doors_client.base_url).partition('://')[2].rstrip('/')}/{alias}"
    assert (changed.json()["title"], changed.json()["long_url"]) == ("Other", "https://example.net/")
    assert doors_client.get(path, headers=token_headers).json() == changed.json()
    assert doors_client.delete(path, headers=token_headers).status_code == 200
    assert doors_client.get(path, headers=token_headers).status_code == 404


async def test_clicks_by_day_week_and_month(
    doors_client: httpx.Client, door_user: User, token_headers: dict[str, str], database: asyncpg.Connection
) -> None:
    key = owned_link(doors_client, door_user)
    today = datetime.now(UTC).date()
    monday = today - timedelta(weeks=10, days=today.weekday())
    await database.execute("UPDATE entry SET created_at = $2 WHERE key = $1", key, utc(f"{monday} 00:00"))
    people = {monday + timedelta(days): number for days, number in ((44, 8), (7, 4), (3, 2), (1, 1))}
    for day, number in people.items():
        await insert_hour_counts(database, key, f"{day} 10:00", people=number)
    path = f"/v4/bitlinks/{str(doors_client.base_url).partition('://')[2].rstrip('/')}/{key}/clicks"

    def clicks(**query: str) -> dict[str, int]:
        answer = doors_client.get(path, params=query, headers=token_headers).raise_for_status().json()
        return {each["date"][:10]: each["clicks"] for each in answer["link_clicks"]}

    assert clicks() == {str(day): number for day, number in people.items()}
    weeks = {str(monday + timedelta(weeks=week)): number for week, number in ((6, 8), (1, 4), (0, 3))}
    assert clicks(unit="week") == weeks
    months: Counter[str] = Counter()
    for day, number in people.items():
        months[str(day.replace(day=1))] += number
    assert clicks(unit="month") == months
    assert clicks(unit="day", units="1") == {}
    assert doors_client.get(f"{path}/summary", headers=token_headers).json()["total_clicks"] == 15
    assert doors_client.get(path, params={"unit": "minute"}, headers=token_headers).status_code == 400


def test_client_that_asks_for_its_group_first_lists_and_creates_in_it(
    doors_client: httpx.Client, door_user: User, token_headers: dict[str, str]
) -> None:
    keys = [owned_link(doors_client, door_user, title=f"title {number}") for number in range(5)]
    owned_link(doors_client, new_user(doors_client))

    def get(path: str, **query: object) -> dict[str, Any]:
        found: dict[str, Any] = doors_client.get(path, params=query or None, headers=token_headers).json()
        return found

    me = get("/v4/user")
    [group] = get("/v4/groups")["groups"]
    guid = me["default_group_guid"]
    links = f"/v4/groups/{guid}/bitlinks"

    assert (me["is_active"], me["emails"]) == (
        True,
        [{"email": door_user.email, "is_primary": True, "is_verified": False}],
    )
    assert group == get(f"/v4/groups/{guid}")
    assert (group["guid"], group["is_active"], group["bsds"]) == (guid, True, [])

    listed, asked = [], {"size": 2}
    while True:
        page = get(links, **asked)
        listed += page["links"]
        if not page["pagination"]["search_after"]:
            break
        asked["search_after"] = page["pagination"]["search_after"]
    assert [link["id"].rpartition("/")[2] for link in listed] == keys[::-1]
    assert listed[0] == get(f"/v4/bitlinks/{listed[0]['id']}")
    assert (page["pagination"]["total"], page["pagination"]["page"], page["pagination"]["next"]) == (5, 3, "")
    second = get(get(links, size=2, query="title")["pagination"]["next"])
    assert [link["title"] for link in second["links"]] == ["title 2", "title 1"]
    assert get(second["pagination"]["prev"])["links"][0]["title"] == "title 4"
    assert [link["title"] for link in get(links, query="TITLE 3")["links"]] == ["title 3"]
    assert get(links, archived="on")["links"] == []
    assert get(links, created_before=1_000_000_000)["links"] == []
    assert len(get(links, created_after=1_000_000_000)["links"]) == 5


def test_group_of_another_is_not_found(
    doors_client: httpx.Client, door_user: User, token_headers: dict[str, str]
) -> None:
    other = api_token_headers(doors_client, new_user(doors_client))
    guid = doors_client.get("/v4/user", headers=other).json()["default_group_guid"]

    for path in (f"/v4/groups/{guid}", f"/v4/groups/{guid}/bitlinks", "/v4/groups/Ba1bc23dE4F"):
        answer = doors_client.get(path, headers=token_headers)
        assert (answer.status_code, answer.json()["message"]) == (404, "NOT_FOUND")
    mine = doors_client.get("/v4/user", headers=token_headers).json()["default_group_guid"]
    for query in ("size=0", "page=0", "search_after=x", "created_after=1e400", "created_after=nan", "query=%00"):
        assert doors_client.get(f"/v4/groups/{mine}/bitlinks?{query}", headers=token_headers).status_code == 400
    for path in ("/v4/user", "/v4/groups", f"/v4/groups/{mine}"):
        assert doors_client.get(path).json()["message"] == "FORBIDDEN"


def test_errors_have_the_form_of_bitly(
    doors_client: httpx.Client, door_user: User, token_headers: dict[str, str]
) -> None:
    good = {"long_url": "https://example.org/"}
    taken = create_link(doors_client, alias=new_alias())["key"]
    read_only = api_token_headers(doors_client, door_user, "read")

    for sent, headers, status, message in (
        (good, {}, 403, "FORBIDDEN"),
        (good, {"Authorization": "Bearer slp_" + "a" * 43}, 403, "FORBIDDEN"),
        (good, read_only, 403, "FORBIDDEN"),
        ({"long_url": "no url"}, token_headers, 400, "INVALID_ARG_LONG_URL"),
        ({}, token_headers, 400, "INVALID_ARG_LONG_URL"),
        (good | {"keyword": taken}, token_headers, 409, "ALREADY_EXISTS"),
    ):
        answer = doors_client.post("/v4/shorten", json=sent, headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (status, message), answer.text
        assert answer.json()["description"]
    assert list_entries(doors_client, door_user)["items"] == []


def test_links_of_others_and_of_other_hosts_are_not_found(
    doors_client: httpx.Client, door_user: User, token_headers: dict[str, str]
) -> None:
    host = str(doors_client.base_url).partition("://")[2].rstrip("/")
    other = new_user(doors_client)
    private = owned_link(doors_client, other, visibility="private")
    limited = owned_link(doors_client, other, views=1)
    mine = owned_link(doors_client, door_user)

    for key in (private, limited):
        sent = {"bitlink_id": f"{host}/{key}"}
        assert doors_client.post("/v4/expand", json=sent, headers=token_headers).status_code == 404
        assert doors_client.get(f"/v4/bitlinks/{host}/{key}", headers=token_headers).status_code == 404
        assert doors_client.delete(f"/v4/bitlinks/{host}/{key}", headers=token_headers).status_code == 404
    assert doors_client.get(f"/v4/bitlinks/bit.ly/{mine}", headers=token_headers).status_code == 404
    assert doors_client.get(f"/v4/bitlinks/{host}/{mine}", headers=token_headers).status_code == 200


def test_url_that_no_column_can_hold_is_invalid(doors_client: httpx.Client, token_headers: dict[str, str]) -> None:
    headers = token_headers | {"Content-Type": "application/json"}

    answer = doors_client.post("/v4/shorten", content=rb'{"long_url": "\ud800"}', headers=headers)

    assert (answer.status_code, answer.json()["message"]) == (400, "INVALID_ARG_LONG_URL")
