"""A guest's entry becomes a user's: once, however many claim it at the same time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import asyncpg
import httpx

from tests.support.accounts import User, new_user
from tests.support.database import wait_for_blocked_statements
from tests.support.entries import create_link, create_paste, manage_headers


def change_title(client: httpx.Client, key: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return client.patch(f"/api/v1/entries/{key}", json={"title": "changed"}, headers=headers)


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_guests_entry_is_claimed_once_and_its_token_opens_it_no_more(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    entry = create_link(client)
    claim = f"/api/v1/entries/{entry['key']}/claim"
    assert client.get(f"/{entry['key']}").status_code == 302

    assert code(client.post(claim, headers=manage_headers(entry))) == (401, "sign_in_required")
    assert code(client.post(claim, headers=user.headers)) == (401, "manage_token_missing")
    wrong = user.headers | {"X-Manage-Token": "a" * 43}
    assert code(client.post(claim, headers=wrong)) == (403, "manage_token_wrong")
    for _ in range(2):
        claimed = client.post(claim, headers=user.headers | manage_headers(entry))
        assert (claimed.status_code, claimed.json()["original_url"]) == (200, "https://example.org/target")
    assert code(client.post(claim, headers=other.headers | manage_headers(entry))) == (403, "not_owner")
    assert code(change_title(client, entry["key"], manage_headers(entry))) == (401, "sign_in_required")
    assert code(change_title(client, entry["key"], other.headers | manage_headers(entry))) == (403, "not_owner")
    assert change_title(client, entry["key"], user.headers).status_code == 200
    assert client.get(f"/{entry['key']}").status_code == 302


def test_of_many_who_claim_at_once_one_gets_it(client: httpx.Client) -> None:
    entry = create_paste(client)
    users = [new_user(client) for _ in range(4)]

    def claim(user: User) -> int:
        headers = user.headers | manage_headers(entry)
        return client.post(f"/api/v1/entries/{entry['key']}/claim", headers=headers).status_code

    with ThreadPoolExecutor(len(users)) as threads:
        assert sorted(threads.map(claim, users)) == [200, 403, 403, 403]


async def test_guest_who_deletes_while_a_user_claims_deletes_nothing(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    owner_id = await database.fetchval("SELECT id FROM account WHERE email = $1", new_user(client).email)
    guests = create_link(client)
    delete = partial(client.delete, f"/api/v1/entries/{guests['key']}", headers=manage_headers(guests))

    async with database.transaction():
        await database.execute("UPDATE entry SET owner_id = $2 WHERE key = $1", guests["key"], owner_id)
        deleting = asyncio.create_task(asyncio.to_thread(delete))
        await wait_for_blocked_statements(database)

    assert code(await deleting) == (401, "sign_in_required")
    assert client.get(f"/{guests['key']}").status_code == 302
