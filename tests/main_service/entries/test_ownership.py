"""Entries of users: theirs to change and delete, for as long as they say."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.support.accounts import PASSWORD, User, bearer, new_user, register_by_api, token_in_email
from tests.support.database import wait_for_blocked_statements
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.web import WebServer

NO_SUCH_KEY = "AAAAAAAAAAA"


def reading_token(client: httpx.Client, user: User) -> dict[str, str]:
    created = client.post("/api/v1/tokens", json={"name": "reader", "scopes": ["read"]}, headers=user.headers)
    return bearer(created.json()["token"])


def change_title(client: httpx.Client, key: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return client.patch(f"/api/v1/entries/{key}", json={"title": "changed"}, headers=headers)


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def lifetime_of(entry: dict[str, str]) -> timedelta:
    return datetime.fromisoformat(entry["expires_at"]) - datetime.fromisoformat(entry["created_at"])


@pytest.mark.parametrize("create", [create_paste, create_link])
def test_user_owns_what_they_make_and_no_one_else_may_change_it(client: httpx.Client, create) -> None:
    owner, other = new_user(client), new_user(client)
    entry = create(client, headers=owner.headers)
    key = entry["key"]

    assert (entry["manage_token"], lifetime_of(entry)) == (None, timedelta(days=30))
    assert code(change_title(client, key)) == (401, "sign_in_required")
    assert code(change_title(client, key, {"X-Manage-Token": "a" * 43})) == (401, "sign_in_required")
    assert code(change_title(client, key, other.headers)) == (403, "not_owner")
    assert code(client.delete(f"/api/v1/entries/{key}", headers=other.headers)) == (403, "not_owner")
    changed = change_title(client, key, owner.headers)
    assert (changed.status_code, changed.json()["title"]) == (200, "changed")
    assert client.delete(f"/api/v1/entries/{key}", headers=owner.headers).status_code == 204
    assert client.get(f"/{key}").status_code == 410


def test_guest_owns_nothing_by_signing_in(client: httpx.Client) -> None:
    entry = create_paste(client)
    user = new_user(client)

    assert lifetime_of(entry) == timedelta(days=10)
    assert code(change_title(client, entry["key"], user.headers)) == (401, "manage_token_missing")
    assert change_title(client, entry["key"], user.headers | manage_headers(entry)).status_code == 200


def test_two_users_shorten_one_address_and_each_owns_their_own(client: httpx.Client) -> None:
    first, second = new_user(client), new_user(client)
    mine = create_link(client, headers=first.headers, original_url="https://example.org/both")
    yours = create_link(client, headers=second.headers, original_url="https://example.org/both")

    assert mine["key"] != yours["key"]
    assert client.delete(f"/api/v1/entries/{mine['key']}", headers=first.headers).status_code == 204
    assert client.get(f"/{yours['key']}").status_code == 302


def test_token_that_may_only_read_changes_nothing(client: httpx.Client) -> None:
    user = new_user(client)
    entry, guests = create_paste(client, headers=user.headers), create_paste(client)
    reader = reading_token(client, user)

    for refused in (
        client.post("/api/v1/pastes", json={"text": "a"}, headers=reader),
        client.post("/api/v1/links", json={"original_url": "https://example.org/"}, headers=reader),
        change_title(client, entry["key"], reader),
        change_title(client, guests["key"], reader | manage_headers(guests)),
        client.delete(f"/api/v1/entries/{entry['key']}", headers=reader),
        client.post(f"/api/v1/entries/{guests['key']}/claim", headers=reader | manage_headers(guests)),
        client.post("/api/v1/entries/delete", json={"keys": [entry["key"]]}, headers=reader),
    ):
        assert code(refused) == (403, "scope_missing")
    assert client.get(f"/api/v1/entries/{entry['key']}", headers=reader).json()["title"] is None


def test_token_that_is_not_valid_makes_no_one_a_guest(client: httpx.Client) -> None:
    for token in ("nonsense", "slp_" + "a" * 43):
        response = client.post("/api/v1/pastes", json={"text": "a"}, headers=bearer(token))
        assert code(response) == (401, "token_invalid")


def test_only_users_entries_live_for_ever(client: httpx.Client) -> None:
    user = new_user(client)

    refused = client.post("/api/v1/pastes", json={"text": "a", "expires_in": "never"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "endless_for_users"
    endless = create_paste(client, headers=user.headers, expires_in="never")
    assert endless["expires_at"] is None
    for _ in range(2):
        assert client.get(f"/{endless['key']}").text == "some text\n"
    shorter = client.patch(
        f"/api/v1/entries/{endless['key']}", json={"expires_in": "PT1H"}, headers=user.headers
    ).json()
    assert datetime.fromisoformat(shorter["expires_at"]) - datetime.now(UTC) < timedelta(hours=1)
    again = client.patch(f"/api/v1/entries/{endless['key']}", json={"expires_in": "never"}, headers=user.headers)
    assert again.json()["expires_at"] is None
    guests = create_paste(client)
    refused = client.patch(
        f"/api/v1/entries/{guests['key']}", json={"expires_in": "never"}, headers=user.headers | manage_headers(guests)
    )
    assert refused.json()["errors"][0]["code"] == "endless_for_users"


def test_users_may_ask_for_more_time_than_guests_but_not_for_any(client: httpx.Client) -> None:
    user = new_user(client)

    assert client.post("/api/v1/pastes", json={"text": "a", "expires_in": "P366D"}).status_code == 422
    assert lifetime_of(create_paste(client, headers=user.headers, expires_in="P3650D")) == timedelta(days=3650)
    refused = client.post("/api/v1/pastes", json={"text": "a", "expires_in": "P3651D"}, headers=user.headers)
    assert refused.json()["errors"][0]["code"] == "expiry_too_far"


def test_many_are_deleted_at_once_and_only_ones_own(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    mine = [create_paste(client, headers=user.headers)["key"] for _ in range(3)]
    private = create_paste(client, headers=other.headers, visibility="private")["key"]
    theirs, guests = create_paste(client, headers=other.headers)["key"], create_paste(client)["key"]
    ended = create_link(client, headers=user.headers)["key"]
    client.delete(f"/api/v1/entries/{ended}", headers=user.headers)
    for key in (*mine, theirs, guests):
        assert client.get(f"/{key}").status_code == 200

    keys = [*mine, theirs, private, guests, ended, NO_SUCH_KEY]
    response = client.post("/api/v1/entries/delete", json={"keys": keys}, headers=user.headers)

    assert response.json() == {"deleted": mine, "not_deleted": [theirs, private, guests, ended, NO_SUCH_KEY]}
    assert [client.get(f"/{key}").status_code for key in (*mine, theirs, guests)] == [410, 410, 410, 200, 200]
    for hostile in ("\0", "a\0b", "", "%", "\U0001f600", "' OR true --"):
        answer = client.post("/api/v1/entries/delete", json={"keys": [hostile]}, headers=user.headers)
        assert answer.json() == {"deleted": [], "not_deleted": [hostile]}
    surrogate = client.post("/api/v1/entries/delete", content=b'{"keys": ["\\ud800"]}', headers=user.headers)
    assert surrogate.status_code == 422
    too_many = client.post("/api/v1/entries/delete", json={"keys": ["aaa"] * 1001}, headers=user.headers)
    assert too_many.status_code == 422
    assert code(client.post("/api/v1/entries/delete", json={"keys": mine})) == (401, "sign_in_required")


async def test_many_links_end_at_once_though_they_were_cached_and_texts_go_at_once(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    links = [create_link(client, headers=user.headers)["key"] for _ in range(2)]
    paste = create_paste(client, headers=user.headers)["key"]
    assert [client.get(f"/{key}").status_code for key in links] == [302, 302]

    expired = create_paste(client, headers=user.headers)["key"]
    await database.execute("UPDATE entry SET expires_at = now() WHERE key = $1", expired)

    keys = [*links, paste]
    body = {"keys": [*keys, expired, *keys]}
    response = client.post("/api/v1/entries/delete", json=body, headers=user.headers)

    assert response.json() == {"deleted": keys, "not_deleted": [expired]}
    assert client.get(f"/{expired}").json()["reason"] == "expired"
    assert [client.get(f"/{key}").status_code for key in keys] == [410] * 3
    assert await database.fetchval("SELECT body_deleted_at FROM entry WHERE key = $1", paste) is not None


def test_owner_sees_all_of_a_link_with_limited_views_and_spends_none(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    link = create_link(client, headers=user.headers, title="Once", views=1)

    for headers, target in ((user.headers, link["original_url"]), (other.headers, None), (None, None)):
        shown = client.get(f"/api/v1/entries/{link['key']}", headers=headers).json()
        assert (shown["original_url"], shown["views_left"]) == (target, 1)


async def test_entry_that_comes_behind_the_deletion_of_its_account_is_refused(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, alias = new_user(client), new_alias()
    body = {"text": "late", "alias": alias}
    create = partial(client.post, "/api/v1/pastes", json=body, headers=user.headers)
    leave = partial(client.request, "DELETE", "/api/v1/users/me", headers=user.headers)
    taking = database.transaction()

    await taking.start()
    await database.execute(
        "INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url)"
        " VALUES ($1, 'link', 'unlisted', now(), now(), now() + interval '1 day', 'https://a.example/')",
        alias,
    )
    creating = asyncio.create_task(asyncio.to_thread(create))
    await wait_for_blocked_statements(database)
    left = await asyncio.to_thread(leave, json={"password": PASSWORD, "entries": "leave"})
    await taking.rollback()

    assert left.status_code == 204
    assert code(await creating) == (401, "token_invalid")


def test_same_idempotency_key_of_two_users_makes_two_entries(client: httpx.Client, web: WebServer) -> None:
    first, second = new_user(client), new_user(client)
    header = {"Idempotency-Key": uuid4().hex}

    def create(**headers: str) -> str:
        return client.post("/api/v1/pastes", json={"text": "a"}, headers=header | headers).json()["key"]

    mine = create(**first.headers)
    assert create(**first.headers) == mine
    assert len({mine, create(**second.headers), create()}) == 3


def test_repeated_request_for_a_private_entry_answers_with_it(client: httpx.Client) -> None:
    user = new_user(client)
    headers = {"Idempotency-Key": uuid4().hex, **user.headers}
    body = {"text": "a", "visibility": "private"}

    made = [client.post("/api/v1/pastes", json=body, headers=headers) for _ in range(2)]

    assert [response.status_code for response in made] == [201, 201]
    assert made[0].json() == made[1].json()


async def test_user_who_must_confirm_an_address_first_makes_nothing_before(
    environment: Environment, database: asyncpg.Connection
) -> None:
    with WebServer(environment | {"MAIN_REQUIRE_VERIFIED": "true"}) as server, server.new_client() as client:
        user = register_by_api(client)
        for path, body in (("pastes", {"text": "a"}), ("links", {"original_url": "https://example.org/"})):
            refused = client.post(f"/api/v1/{path}", json=body, headers=user.headers)
            assert code(refused) == (403, "address_unconfirmed")
        client.get(f"/api/v1/auth/verify/{await token_in_email(database, user.email, 'confirm')}")
        tokens = client.post("/api/v1/auth/token", json={"email": user.email, "password": "Wonderful-1"}).json()
        assert create_paste(client, headers=bearer(tokens["access_token"]))["manage_token"] is None
        assert create_paste(client)["manage_token"]


async def test_unconfirmed_users_make_entries_otherwise(client: httpx.Client) -> None:
    user = new_user(client)

    assert create_paste(client, headers=user.headers, alias=new_alias())["manage_token"] is None
