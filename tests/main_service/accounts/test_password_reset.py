"""Forgotten and changed passwords: what ends the sessions, and what a link may do once."""

import asyncio
from datetime import timedelta

import asyncpg
import httpx
import pytest

from main_service.accounts.emails import CONSTANT_SECONDS
from tests.support.accounts import (
    PASSWORD,
    bearer,
    is_signed_in,
    new_email,
    new_user,
    new_username,
    register_by_api,
    sign_in,
    token_in_email,
)
from tests.support.database import wait_for_blocked_statements

NEW_PASSWORD = "Even-better-2"


async def test_forgotten_password_is_set_anew_by_mail_once(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    api_token = client.post("/api/v1/tokens", json={"name": "script"}, headers=user.headers).json()["token"]
    answers = [
        client.post("/api/v1/auth/forgot-password", json={"email": email}) for email in (user.email, new_email())
    ]
    assert answers[0].text == answers[1].text
    assert {answer.status_code for answer in answers} == {202}
    token = await token_in_email(database, user.email, "reset")

    weak = client.post("/api/v1/auth/reset-password", json={"token": token, "password": "weak"})
    assert weak.status_code == 422
    reset = client.post("/api/v1/auth/reset-password", json={"token": token, "password": NEW_PASSWORD})
    assert reset.status_code == 204

    assert not is_signed_in(client, user.tokens["access_token"])
    assert not is_signed_in(client, api_token)
    me = client.get("/api/v1/users/me", headers=bearer(sign_in(client, user.email, NEW_PASSWORD)["access_token"]))
    assert me.json()["is_verified"], "who reads the emails of an address has it"
    again = client.post("/api/v1/auth/reset-password", json={"token": token, "password": "Once-more-3"})
    assert (again.status_code, again.json()["code"]) == (400, "link_invalid")


@pytest.mark.parametrize("path", ["forgot-password", "verify/resend"])
def test_asking_for_an_email_takes_its_time_whether_or_not_there_is_an_account(client: httpx.Client, path: str) -> None:
    for email in (new_user(client).email, new_email()):
        answer = client.post(f"/api/v1/auth/{path}", json={"email": email})
        assert (answer.status_code, answer.elapsed >= timedelta(seconds=CONSTANT_SECONDS)) == (202, True)


async def test_reset_link_of_one_account_or_purpose_is_none_for_another(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = register_by_api(client)
    confirm = await token_in_email(database, user.email, "confirm")
    client.post("/api/v1/auth/forgot-password", json={"email": user.email})
    reset = await token_in_email(database, user.email, "reset")

    assert client.get(f"/api/v1/auth/verify/{reset}").status_code == 400
    for token in (confirm, reset[:-1], reset + "0", reset.replace("-", "", 1)):
        answer = client.post("/api/v1/auth/reset-password", json={"token": token, "password": NEW_PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (400, "link_invalid")


def test_changing_the_password_needs_the_old_one_and_ends_all_sessions(client: httpx.Client) -> None:
    user = new_user(client)
    api_token = client.post("/api/v1/tokens", json={"name": "script"}, headers=user.headers).json()["token"]

    def change(password: str, new_password: str) -> httpx.Response:
        body = {"password": password, "new_password": new_password}
        return client.post("/api/v1/auth/change-password", json=body, headers=user.headers)

    assert change("Wrong-pass1", NEW_PASSWORD).json()["code"] == "credentials_wrong"
    assert change(PASSWORD, "weak").json()["errors"][0]["field"] == "new_password"
    changed = change(PASSWORD, NEW_PASSWORD)

    assert changed.status_code == 200
    assert is_signed_in(client, changed.json()["access_token"])
    assert not is_signed_in(client, user.tokens["access_token"])
    assert not is_signed_in(client, api_token)
    assert sign_in(client, user.email, NEW_PASSWORD)


async def test_what_was_let_in_before_a_reset_does_nothing_after_it(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    """Each request has been let in and waits for the row, whose password is set anew meanwhile."""
    change = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    requests: list[tuple[str, str, dict[str, str] | None]] = [
        ("POST", "/api/v1/auth/change-password", change),
        ("POST", "/api/v1/tokens", {"name": "late"}),
        ("PATCH", "/api/v1/users/me", {"username": new_username()}),
        ("DELETE", "/api/v1/users/me", {"password": PASSWORD, "entries": "delete"}),
        ("POST", "/api/v1/auth/logout-everywhere", None),
    ]
    for method, address, body in requests:
        user = new_user(client)
        async with database.transaction():
            row = "SELECT id FROM account WHERE email = $1 FOR UPDATE"
            account_id = await database.fetchval(row, user.email)
            sent = asyncio.create_task(
                asyncio.to_thread(client.request, method, address, json=body, headers=user.headers)
            )
            await wait_for_blocked_statements(database)
            reset = "UPDATE account SET hashed_password = 'anew', session_epoch = session_epoch + 1 WHERE id = $1"
            await database.execute(reset, account_id)

        assert (await sent).status_code == 401, address
        kept = await database.fetchrow("SELECT * FROM account WHERE id = $1", account_id)
        assert (kept["hashed_password"], kept["username"], kept["session_epoch"]) == ("anew", user.username, 1)
        assert await database.fetchval("SELECT count(*) FROM api_token WHERE account_id = $1", account_id) == 0
