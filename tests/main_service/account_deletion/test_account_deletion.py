"""Deleting one's account: what goes with it, what lives on, and that none of it is forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import httpx
import pytest
import redis

from main_service.entries.cache import cache_key
from tests.support.accounts import PASSWORD, User, is_signed_in, new_user, register_by_api
from tests.support.database import wait_for_blocked_statements
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import CURL
from tests.support.workers import run_task

FOUND = {200, 302}


def delete_account(client: httpx.Client, user: User, entries: str) -> None:
    body = {"password": PASSWORD, "entries": entries}
    response = client.request("DELETE", "/api/v1/users/me", json=body, headers=user.headers)
    assert response.status_code == 204, response.text


async def rows_of(database: asyncpg.Connection, user_id: str) -> tuple[int, int]:
    """Accounts and entries that still bear the id."""
    return (
        await database.fetchval("SELECT count(*) FROM account WHERE id = $1", user_id),
        await database.fetchval("SELECT count(*) FROM entry WHERE owner_id = $1", user_id),
    )


def id_of(client: httpx.Client, user: User) -> str:
    user_id: str = client.get("/api/v1/users/me", headers=user.headers).json()["id"]
    return user_id


async def test_entries_are_deleted_with_the_account(client: httpx.Client, database: asyncpg.Connection) -> None:
    user, neighbour = new_user(client), new_user(client)
    user_id = id_of(client, user)
    mine = [
        create_paste(client, headers=user.headers)["key"],
        create_link(client, headers=user.headers, expires_in="never")["key"],
        create_paste(client, headers=user.headers, views=3)["key"],
    ]
    private = create_paste(client, headers=user.headers, visibility="private")["key"]
    theirs = create_link(client, headers=neighbour.headers)["key"]
    for key in (*mine[:2], theirs):
        assert client.get(f"/{key}").status_code in FOUND

    delete_account(client, user, "delete")

    assert [client.get(f"/{key}").status_code for key in mine] == [410] * 3
    assert client.get(f"/{private}").status_code == 404
    assert client.get(f"/{theirs}").status_code in FOUND
    assert await rows_of(database, user_id) == (0, 0)
    texts = await database.fetchval(
        "SELECT count(*) FROM body_to_delete JOIN entry USING (body_id) WHERE key = ANY($1)", [*mine, private]
    )
    assert texts == 3, "they wait for the worker"
    stale = await database.fetchval("SELECT count(*) FROM stale_key WHERE key = ANY($1)", [*mine, private])
    assert stale == 4, "Redis may have been away"


async def test_entries_live_on_as_a_guests_but_for_private_ones(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    user_id = id_of(client, user)
    claimed = create_paste(client)
    client.post(f"/api/v1/entries/{claimed['key']}/claim", headers=user.headers | manage_headers(claimed))
    endless = create_link(client, headers=user.headers, expires_in="never")["key"]
    private = create_paste(client, headers=user.headers, visibility="private")["key"]
    assert client.get(f"/{endless}").status_code in FOUND

    delete_account(client, user, "leave")

    assert client.get(f"/{private}").status_code == 404
    expires_at = datetime.fromisoformat(client.get(f"/api/v1/entries/{endless}").json()["expires_at"])
    assert timedelta(days=364) < expires_at - datetime.now(UTC) <= timedelta(days=365)
    assert client.get(f"/{claimed['key']}").status_code in FOUND
    assert await rows_of(database, user_id) == (0, 0)


def test_manage_token_from_before_a_claim_opens_nothing_when_the_owner_has_left(
    client: httpx.Client, valkey: redis.Redis
) -> None:
    user, again = new_user(client), {"Idempotency-Key": uuid4().hex}
    claimed = create_paste(client, headers=again)
    client.post(f"/api/v1/entries/{claimed['key']}/claim", headers=user.headers | manage_headers(claimed))

    delete_account(client, user, "leave")

    # Readers cache an entry where no tombstone stands, and judge tokens by it.
    valkey.delete(cache_key(claimed["key"]))
    assert client.get(f"/{claimed['key']}").status_code in FOUND
    assert valkey.get(cache_key(claimed["key"]))
    address = f"/api/v1/entries/{claimed['key']}"
    for refused in (
        client.get(address, headers=manage_headers(claimed)),
        client.get(f"{address}/stats", headers=manage_headers(claimed)),
        client.patch(address, json={"title": "mine again"}, headers=manage_headers(claimed)),
        client.post(f"{address}/claim", headers=new_user(client).headers | manage_headers(claimed)),
        client.delete(address, headers=manage_headers(claimed)),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "manage_token_wrong"), refused.request
    repeated = create_paste(client, headers=again)
    assert (repeated["key"], repeated["manage_token"]) == (claimed["key"], None)


async def test_claim_by_a_release_without_generations_is_made_up_for_when_the_owner_leaves(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, claimed = new_user(client), create_paste(client)
    await database.execute("UPDATE entry SET owner_id = $2 WHERE key = $1", claimed["key"], id_of(client, user))

    delete_account(client, user, "leave")

    refused = client.delete(f"/api/v1/entries/{claimed['key']}", headers=manage_headers(claimed))
    assert (refused.status_code, refused.json()["code"]) == (403, "manage_token_wrong")


async def test_address_and_name_are_free_for_a_new_user(client: httpx.Client) -> None:
    user = new_user(client)
    delete_account(client, user, "delete")

    assert not is_signed_in(client, user.tokens["access_token"])
    again = register_by_api(client, email=user.email, username=user.username)
    assert is_signed_in(client, again.tokens["access_token"])
    assert not is_signed_in(client, user.tokens["access_token"])


async def test_claim_that_comes_behind_the_deletion_of_its_account_is_refused(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    guests = create_paste(client)
    claim = partial(
        client.post, f"/api/v1/entries/{guests['key']}/claim", headers=user.headers | manage_headers(guests)
    )

    async with database.transaction():
        await database.execute("SELECT FROM entry WHERE key = $1 FOR UPDATE", guests["key"])
        waiting = asyncio.create_task(asyncio.to_thread(claim))
        await wait_for_blocked_statements(database)
        await asyncio.to_thread(delete_account, client, user, "leave")
    answer = await waiting

    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert client.delete(f"/api/v1/entries/{guests['key']}", headers=manage_headers(guests)).status_code == 204


@pytest.mark.parametrize("entries", ["delete", "leave"])
async def test_what_had_ended_before_keeps_its_reason_and_times(
    client: httpx.Client, database: asyncpg.Connection, entries: str
) -> None:
    user = new_user(client)
    key = create_paste(client, headers=user.headers, views=1, expires_in="never")["key"]
    assert client.get(f"/{key}/raw", headers=CURL).status_code == 200
    question = "SELECT archival_reason, ended_at, expires_at, updated_at FROM entry WHERE key = $1"
    before = await database.fetchrow(question, key)

    delete_account(client, user, entries)

    assert before["archival_reason"] == "viewed"
    assert await database.fetchrow(question, key) == before


@pytest.mark.parametrize("entries", ["delete", "leave"])
async def test_worker_does_what_the_request_had_no_time_for(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis, entries: str
) -> None:
    """A web process may be killed right after the commit, before it has ended the entries."""
    user = new_user(client)
    user_id = id_of(client, user)
    key = create_paste(client, headers=user.headers)["key"]
    private = create_paste(client, headers=user.headers, visibility="private")["key"]
    await database.execute(
        """
        INSERT INTO entry (key, kind, owner_id, visibility, created_at, updated_at, expires_at, original_url)
        SELECT 'left-' || $1 || '-' || n, 'link', $2, 'unlisted', now(), now(), now() + interval '1 day', 'https://a.example/'
        FROM generate_series(1, 2500) AS n
        """,
        user_id,
        user_id,
    )  # fmt: skip
    assert client.get(f"/{key}").status_code == 200
    await database.execute(
        "UPDATE account SET left_at = now(), leaves_entries = $2, email = 'left:' || id WHERE id = $1",
        user_id,
        entries == "leave",
    )
    assert client.get(f"/api/v1/entries/{private}", headers=user.headers).status_code == 401

    run_task("finish_leaving", environment=environment)

    assert await rows_of(database, user_id) == (0, 0)
    assert client.get(f"/{key}").status_code == (200 if entries == "leave" else 410)
    assert client.get(f"/left-{user_id}-2500").status_code == (302 if entries == "leave" else 410)
    assert client.get(f"/{private}").status_code == 404
