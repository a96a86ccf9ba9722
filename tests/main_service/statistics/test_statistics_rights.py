"""The right to see the statistics of an entry: owner, another user, guest, with every kind of token, live or ended."""

from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from tests.support.accounts import User, api_token_headers, bearer, new_user
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.statistics import insert_hour_counts

Ask = Callable[..., tuple[int, str]]


@pytest.fixture(params=["stats", "history"])
def ask(request: pytest.FixtureRequest, client: httpx.Client) -> Ask:
    def ask(key: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status, and the code of a refusal."""
        response = client.get(f"/api/v1/entries/{key}/{request.param}", headers=headers)
        return response.status_code, response.json().get("code", "")

    return ask


@pytest.fixture
def user(client: httpx.Client) -> User:
    return new_user(client)


@pytest.fixture
def other(client: httpx.Client) -> User:
    return new_user(client)


@pytest.mark.parametrize("visibility", ["public", "unlisted"])
def test_owner_alone_sees_the_statistics_of_what_is_theirs(
    client: httpx.Client, ask: Ask, user: User, other: User, visibility: str
) -> None:
    key = create_link(client, headers=user.headers, visibility=visibility)["key"]
    guests = create_paste(client)

    assert ask(key, user.headers) == (200, "")
    assert ask(key, api_token_headers(client, user, "read")) == (200, "")
    assert ask(key, other.headers) == (403, "not_owner")
    assert ask(key) == (401, "sign_in_required")
    assert ask(key, manage_headers(guests)) == (401, "sign_in_required")
    assert ask(key, bearer("nonsense")) == (401, "token_invalid")


def test_private_entry_is_nothing_to_all_but_its_owner(client: httpx.Client, ask: Ask, user: User, other: User) -> None:
    key = create_paste(client, headers=user.headers, visibility="private")["key"]
    shown = client.patch(f"/api/v1/entries/{key}", json={"has_public_statistics": True}, headers=user.headers)
    assert shown.status_code == 200

    assert ask(key, user.headers) == (200, "")
    for headers in (other.headers, None, manage_headers(create_paste(client))):
        assert ask(key, headers) == (404, "not_found")


def test_guests_entry_is_for_clients_with_its_manage_token(client: httpx.Client, ask: Ask, other: User) -> None:
    link, another = create_link(client), create_link(client)

    assert ask(link["key"], manage_headers(link)) == (200, "")
    assert ask(link["key"], manage_headers(link) | other.headers) == (200, "")
    assert ask(link["key"]) == (401, "manage_token_missing")
    assert ask(link["key"], other.headers) == (401, "manage_token_missing")
    assert ask(link["key"], manage_headers(another)) == (403, "manage_token_wrong")


def test_claimed_entry_is_its_new_owners(client: httpx.Client, ask: Ask, user: User) -> None:
    link = create_link(client)
    client.post(f"/api/v1/entries/{link['key']}/claim", headers=user.headers | manage_headers(link)).raise_for_status()

    assert ask(link["key"], user.headers) == (200, "")
    assert ask(link["key"], manage_headers(link)) == (401, "sign_in_required")


def test_anyone_sees_statistics_that_their_owner_shows(client: httpx.Client, ask: Ask, user: User, other: User) -> None:
    owned, guests = create_link(client, headers=user.headers), create_paste(client)
    for entry, headers in ((owned, user.headers), (guests, manage_headers(guests))):
        address = f"/api/v1/entries/{entry['key']}"
        for is_shown, status in ((True, 200), (False, 401)):
            change = client.patch(address, json={"has_public_statistics": is_shown}, headers=headers)
            assert change.json()["has_public_statistics"] is is_shown
            assert client.get(address).json()["has_public_statistics"] is is_shown
            assert ask(entry["key"])[0] == status
            assert ask(entry["key"], headers) == (200, "")
            if is_shown:
                assert ask(entry["key"], other.headers) == (200, "")


@pytest.mark.parametrize("value", [None, "yes", 1])
def test_whether_statistics_are_shown_is_yes_or_no(client: httpx.Client, value: object) -> None:
    link = create_link(client)

    response = client.patch(
        f"/api/v1/entries/{link['key']}", json={"has_public_statistics": value}, headers=manage_headers(link)
    )

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["has_public_statistics"]


def test_shown_statistics_keep_the_target_where_views_are_limited(client: httpx.Client) -> None:
    link = create_link(client, views=3)
    address = f"/api/v1/entries/{link['key']}"
    client.patch(address, json={"has_public_statistics": True}, headers=manage_headers(link)).raise_for_status()

    assert client.get(f"{address}/stats").json()["original_url"] is None
    assert client.get(f"{address}/stats", headers=manage_headers(link)).json()["original_url"] == link["original_url"]
    assert client.get(address).json()["views_left"] == 3


@pytest.mark.parametrize("end", ["deleted", "expired"])
async def test_what_has_ended_keeps_its_statistics_for_who_managed_it_until_it_is_forgotten(
    client: httpx.Client, database: asyncpg.Connection, ask: Ask, user: User, other: User, end: str
) -> None:
    guests, owned = create_link(client), create_link(client, headers=user.headers)
    for entry, headers in ((guests, manage_headers(guests)), (owned, user.headers)):
        key = entry["key"]
        client.patch(f"/api/v1/entries/{key}", json={"has_public_statistics": True}, headers=headers).raise_for_status()
        if end == "deleted":
            client.delete(f"/api/v1/entries/{key}", headers=headers).raise_for_status()
        else:
            await database.execute("UPDATE entry SET expires_at = $2 WHERE key = $1", key, datetime.now(UTC))

        assert ask(key, headers) == (200, "")
        for stranger in (None, other.headers, manage_headers(create_link(client))):
            assert ask(key, stranger) == (410, "ended")
        await database.execute(
            "UPDATE entry SET ended_at = coalesce(ended_at, now()), original_url = NULL, target_digest = NULL, "
            "archival_reason = coalesce(archival_reason, 'expired') WHERE key = $1",
            key,
        )
        assert ask(key, headers) == (410, "ended")


@pytest.mark.parametrize("key", ["nothing-is-here", "no", "%00", "a" * 65])
def test_unknown_key_is_a_404(ask: Ask, key: str) -> None:
    assert ask(key) == (404, "not_found")


def visits_told(answer: httpx.Response) -> tuple[int | None, int | None]:
    """The visits that were counted here, and those from before the entry was imported."""
    told = answer.json()
    return told["visit_count"], told["imported_visit_count"]


async def test_owner_and_clients_with_the_manage_token_see_visits_in_the_entry(
    client: httpx.Client, database: asyncpg.Connection, user: User, other: User
) -> None:
    owned, guests = create_link(client, headers=user.headers), create_link(client)
    for entry, headers in ((owned, user.headers), (guests, manage_headers(guests))):
        address = f"/api/v1/entries/{entry['key']}"
        assert entry["visit_count"] == 0
        await insert_hour_counts(database, entry["key"], "2023-05-01 00:00", people=7, bots=3)
        await database.execute("UPDATE entry SET imported_visit_count = 5 WHERE key = $1", entry["key"])
        # Once from the row, once from the cached entry that was made of it.
        for _ in range(2):
            assert visits_told(client.get(address, headers=headers)) == (7, 5)
            assert visits_told(client.get(address)) == (None, None)
        assert client.get(address, headers=other.headers).json()["visit_count"] is None
        assert client.patch(address, json={"title": "a"}, headers=headers).json()["visit_count"] == 7

    # Of what has a view limit there is no cached entry, only the row.
    limited = create_link(client, views=9)
    await database.execute("UPDATE entry SET imported_visit_count = 5 WHERE key = $1", limited["key"])
    assert visits_told(client.get(f"/api/v1/entries/{limited['key']}")) == (None, None)

    [listed] = client.get("/api/v1/entries", headers=user.headers).json()["items"]
    assert listed["visit_count"] == 7


async def test_visits_are_told_to_everybody_where_their_owner_shows_statistics(
    client: httpx.Client, database: asyncpg.Connection, user: User, other: User
) -> None:
    entry = create_link(client, headers=user.headers, visibility="public")
    limited = create_link(client, headers=user.headers, views=9)
    change = {"has_public_statistics": True}
    for each in (entry, limited):
        await insert_hour_counts(database, each["key"], "2023-05-01 00:00", people=7)
        client.patch(f"/api/v1/entries/{each['key']}", json=change, headers=user.headers).raise_for_status()
        # Once from the row, once from the cached entry that was made of it.
        for _ in range(2):
            for headers in ({}, other.headers):
                shown = client.get(f"/api/v1/entries/{each['key']}", headers=headers).json()
                assert shown["visit_count"] == 7
    assert shown["original_url"] is None, "its views are limited"

    collection = client.post("/api/v1/collections", json={"name": "shared"}, headers=user.headers).json()
    address = f"/api/v1/collections/{collection['id']}"
    client.post(f"{address}/entries", json={"keys": [entry["key"]]}, headers=user.headers).raise_for_status()
    shared = client.patch(address, json={"is_shared": True}, headers=user.headers).json()["shared_url"]
    [item] = client.get(f"/api/v1/shared/{shared.rpartition('/')[2]}").json()["items"]
    assert item["visit_count"] == 7


async def test_sums_of_mine_are_of_mine_alone(
    client: httpx.Client, database: asyncpg.Connection, user: User, other: User
) -> None:
    mine = [create_link(client, headers=user.headers)["key"] for _ in range(3)]
    theirs = create_link(client, headers=other.headers)["key"]
    for key in (*mine, theirs):
        await insert_hour_counts(database, key, "2023-05-01 00:00", people=5, bots=2)
    client.delete(f"/api/v1/entries/{mine[0]}", headers=user.headers).raise_for_status()

    expected = {
        "entries": 3, "live_entries": 2, "visit_count": 15, "bot_count": 6, "last_visit_at": "2023-05-01T00:00:00Z",
    }  # fmt: skip
    assert client.get("/api/v1/stats/me", headers=user.headers).json() == expected
    assert client.get("/api/v1/stats/me", headers=api_token_headers(client, user, "read")).json() == expected
    assert client.get("/api/v1/stats/me", headers=new_user(client).headers).json()["visit_count"] == 0
    assert client.get("/api/v1/stats/me").status_code == 401
    assert client.get("/api/v1/stats/me", headers=manage_headers(create_link(client))).status_code == 401
