"""Superusers find, disable and enable the accounts of others; no other user can."""

import asyncio
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.support.accounts import (
    PASSWORD,
    bearer,
    create_api_token,
    find_account_id,
    is_signed_in,
    new_email,
    new_superuser,
    new_user,
    sign_in,
)
from tests.support.database import wait_for_blocked_statements
from tests.support.web import WebServer

SOME_ID = "b1c7f6ae-1c1e-4f3a-9d55-0d6d8f5f6a01"
ROUTES = [
    ("GET", "/api/v1/admin/accounts?email=ada@example.org"),
    ("POST", f"/api/v1/admin/accounts/{SOME_ID}/disable"),
    ("POST", f"/api/v1/admin/accounts/{SOME_ID}/enable"),
    ("POST", "/api/v1/admin/archive-unused?days=36500"),
    ("POST", "/api/v1/admin/cleanup"),
    ("GET", f"/api/v1/admin/tasks/{SOME_ID}"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_only_a_superuser_who_signed_in_may(
    client: httpx.Client, database: asyncpg.Connection, method: str, path: str
) -> None:
    asked_before = await database.fetchval("SELECT count(*) FROM admin_task")
    user, superuser, disabled = new_user(client), await new_superuser(client, database), new_user(client)
    script = bearer(create_api_token(client, superuser))
    users_script = bearer(create_api_token(client, user))
    await database.execute("UPDATE account SET is_superuser = true, is_active = false WHERE email = $1", disabled.email)

    def refusal(headers: dict[str, str]) -> tuple[int, str]:
        answer = client.request(method, path, headers=headers)
        return answer.status_code, answer.json()["code"]

    assert refusal({}) == (401, "sign_in_required")
    assert refusal(user.headers) == (403, "superuser_required")
    assert refusal(users_script) == (403, "api_token_forbidden")
    assert refusal(script) == (403, "api_token_forbidden")
    assert refusal(disabled.headers) == (401, "token_invalid")
    assert refusal(bearer(superuser.tokens["refresh_token"])) == (401, "token_invalid")
    assert await database.fetchval("SELECT count(*) FROM admin_task") == asked_before


async def test_account_is_found_by_address_or_user_name_in_any_case(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    superuser, user = await new_superuser(client, database), new_user(client)

    def found(**query: str) -> list[dict[str, object]]:
        answer = client.get("/api/v1/admin/accounts", params=query, headers=superuser.headers)
        assert answer.status_code == 200, answer.text
        accounts: list[dict[str, object]] = answer.json()
        return accounts

    (account,) = found(email=user.email.upper())
    assert found(username=user.username.upper()) == [account]
    assert account.pop("registered_at")
    assert account == {
        "id": await find_account_id(database, user), "email": user.email, "username": user.username,
        "is_verified": False, "is_superuser": False, "is_active": True, "counts_own_visits": True,
        "daily_report": False,
    }  # fmt: skip
    assert found(email=new_email()) == []
    assert found(username=user.username[:-1]) == []


@pytest.mark.parametrize(
    "query", ["", "?email=ada@example.org&username=ada", "?email=nobody", "?username=%00", "?q=ada", "?email="]
)
async def test_unclear_search_is_refused(client: httpx.Client, database: asyncpg.Connection, query: str) -> None:
    superuser = await new_superuser(client, database)
    answer = client.get(f"/api/v1/admin/accounts{query}", headers=superuser.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_disabled_account_is_out_until_it_is_enabled_and_its_neighbour_stays(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    superuser, user, neighbour = await new_superuser(client, database), new_user(client), new_user(client)
    script = create_api_token(client, user)
    path = f"/api/v1/admin/accounts/{await find_account_id(database, user)}"

    assert client.post(f"{path}/disable", headers=superuser.headers).status_code == 204

    assert not is_signed_in(client, user.tokens["access_token"])
    assert not is_signed_in(client, script)
    again = client.post("/api/v1/auth/token", json={"email": user.email, "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (403, "account_disabled")
    refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    assert is_signed_in(client, neighbour.tokens["access_token"])
    (account,) = client.get("/api/v1/admin/accounts", params={"email": user.email}, headers=superuser.headers).json()
    assert not account["is_active"]

    assert client.post(f"{path}/enable", headers=superuser.headers).status_code == 204

    assert is_signed_in(client, script)
    assert not is_signed_in(client, user.tokens["access_token"]), "sessions have ended for good"
    assert is_signed_in(client, sign_in(client, user.email)["access_token"])
    refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]})
    assert refreshed.status_code == 401


async def test_superusers_do_not_disable_themselves(client: httpx.Client, database: asyncpg.Connection) -> None:
    superuser = await new_superuser(client, database)
    path = f"/api/v1/admin/accounts/{await find_account_id(database, superuser)}"

    answer = client.post(f"{path}/disable", headers=superuser.headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")
    assert is_signed_in(client, superuser.tokens["access_token"])
    assert client.post(f"{path}/enable", headers=superuser.headers).status_code == 204


async def test_of_two_superusers_who_disable_each_other_at_once_one_stays(
    web: WebServer, client: httpx.Client, database: asyncpg.Connection
) -> None:
    pair = [await new_superuser(client, database) for _ in range(2)]
    ids = [await find_account_id(database, user) for user in pair]
    async with httpx.AsyncClient(base_url=web.address, timeout=30, trust_env=False) as visitors:
        async with database.transaction():
            # Both are let in, and wait for the rows.
            await database.execute("SELECT 1 FROM account WHERE id = ANY($1) FOR UPDATE", ids)
            requests = [
                asyncio.create_task(visitors.post(f"/api/v1/admin/accounts/{other}/disable", headers=user.headers))
                for user, other in zip(pair, reversed(ids), strict=True)
            ]
            await wait_for_blocked_statements(database, 2, like="%account.left_at IS NULL%")
        answers = await asyncio.gather(*requests)

    assert sorted(answer.status_code for answer in answers) == [204, 401]
    active = await database.fetchval("SELECT count(*) FROM account WHERE id = ANY($1) AND is_active", ids)
    assert active == 1


async def test_accounts_that_are_not_there_are_not_found(client: httpx.Client, database: asyncpg.Connection) -> None:
    superuser, left = await new_superuser(client, database), new_user(client)
    left_id = await find_account_id(database, left)
    await database.execute("UPDATE account SET left_at = now() WHERE id = $1", left_id)

    for unknown in (str(uuid4()), left_id):
        for deed in ("disable", "enable"):
            answer = client.post(f"/api/v1/admin/accounts/{unknown}/{deed}", headers=superuser.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for query in ({"email": left.email}, {"username": left.username}):
        assert client.get("/api/v1/admin/accounts", params=query, headers=superuser.headers).json() == []
    assert await database.fetchval("SELECT is_active FROM account WHERE id = $1", left_id)
