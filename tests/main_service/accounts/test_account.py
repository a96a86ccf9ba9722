"""What a user does with the account: passwords, address, user name, API tokens, deletion."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from main_service.accounts.emails import CONSTANT_SECONDS
from tests.support.accounts import (
    PASSWORD,
    User,
    bearer,
    emails_to,
    is_signed_in,
    new_email,
    new_user,
    new_username,
    register_by_api,
    sign_in,
    token_in_email,
    wait_for_room_in_five_minutes,
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


async def test_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, email = register_by_api(client), new_email()
    old_confirm = await token_in_email(database, user.email, "confirm")

    def change(**fields: str) -> httpx.Response:
        return client.patch("/api/v1/users/me", json=fields, headers=user.headers)

    without_password = change(email=email)
    assert (without_password.status_code, without_password.json()["errors"][0]["field"]) == (422, "password")
    assert change(email=email, password="Wrong-pass1").json()["code"] == "credentials_wrong"
    asked = change(email=email, password=PASSWORD)
    assert (asked.status_code, asked.json()["email"]) == (200, user.email)
    assert (await emails_to(database, user.email))[-1] == ("email_changed", {"new_email": email})
    token = await token_in_email(database, email, "confirm_new")

    assert client.get(f"/api/v1/auth/verify/{token}").status_code == 200

    assert not is_signed_in(client, user.tokens["access_token"])
    fresh = sign_in(client, email)["access_token"]
    me = client.get("/api/v1/users/me", headers=bearer(fresh)).json()
    assert (me["email"], me["is_verified"]) == (email, True)
    assert client.get(f"/api/v1/auth/verify/{old_confirm}").status_code == 400, "useless after a change of address"
    assert client.get(f"/api/v1/auth/verify/{token}").status_code == 200, "again is harmless"
    assert client.get("/api/v1/users/me", headers=bearer(fresh)).json()["email"] == email


async def test_change_of_address_that_is_asked_for_again_at_once_says_that_nothing_was_sent(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, other, wanted = new_user(client), new_user(client), new_email()

    def ask(email: str, *, asking: User = user, password: str = PASSWORD) -> httpx.Response:
        body = {"email": email, "password": password}
        return client.patch("/api/v1/users/me", json=body, headers=asking.headers)

    await wait_for_room_in_five_minutes()
    # Whether another account has it, is not told either.
    for email in (wanted, other.email):
        assert ask(email).status_code == 200
        again = ask(email)
        assert (again.status_code, again.json()["code"]) == (429, "email_just_sent")
        assert 0 < int(again.headers["retry-after"]) <= 301
    assert len(await emails_to(database, wanted)) == 1

    assert ask(wanted, asking=other).status_code == 200, "what one account asks for is no other's"
    assert len(await emails_to(database, wanted)) == 2
    # A new password voids the link that was sent, so a new one is.
    change = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    pair = client.post("/api/v1/auth/change-password", json=change, headers=user.headers).json()
    renewed = User(user.email, user.username, pair)
    assert ask(wanted, asking=renewed, password=NEW_PASSWORD).status_code == 200
    link = f"/api/v1/auth/verify/{await token_in_email(database, wanted, 'confirm_new')}"
    assert client.get(link).status_code == 200


def test_daily_report_is_for_confirmed_addresses(client: httpx.Client) -> None:
    user = new_user(client)

    refused = client.patch("/api/v1/users/me", json={"daily_report": True}, headers=user.headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "address_unconfirmed")
    assert client.patch("/api/v1/users/me", json={"daily_report": False}, headers=user.headers).status_code == 200


async def test_link_to_an_address_that_was_changed_since_is_void(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, first, second = new_user(client), new_email(), new_email()
    for email in (first, second):
        headers = bearer(sign_in(client, user.email if email == first else first)["access_token"])
        client.patch("/api/v1/users/me", json={"email": email, "password": PASSWORD}, headers=headers)
        link = f"/api/v1/auth/verify/{await token_in_email(database, email, 'confirm_new')}"
        assert client.get(link).status_code == 200
    old = await token_in_email(database, first, "confirm_new")

    assert client.get(f"/api/v1/auth/verify/{old}").status_code == 400
    assert sign_in(client, second)


async def test_address_of_another_account_is_not_told_and_not_taken(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, other = new_user(client), new_user(client)
    fresh = new_email()

    answers = [
        client.patch("/api/v1/users/me", json={"email": email, "password": PASSWORD}, headers=user.headers)
        for email in (fresh, other.email)
    ]

    assert answers[0].text == answers[1].text
    assert "confirm_new" not in [template for template, _ in await emails_to(database, other.email)]


async def test_of_two_accounts_that_ask_for_one_new_address_the_first_to_confirm_gets_it(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    first, second, email = new_user(client), new_user(client), new_email()
    for user in (first, second):
        body = {"email": email, "password": PASSWORD}
        assert client.patch("/api/v1/users/me", json=body, headers=user.headers).status_code == 200
        await database.execute("UPDATE mail SET cause = gen_random_uuid()::text WHERE recipient = $1", email)
    tokens = [values["link"].rpartition("/")[2] for _, values in await emails_to(database, email)]

    answers = [client.get(f"/api/v1/auth/verify/{token}") for token in tokens]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert is_signed_in(client, second.tokens["access_token"])
    assert not is_signed_in(client, first.tokens["access_token"])


async def test_new_password_voids_a_change_of_address_that_waits(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    """A thief who knows the password must not get the account by a link to his own address."""
    user, thief = new_user(client), new_email()
    client.patch("/api/v1/users/me", json={"email": thief, "password": PASSWORD}, headers=user.headers)
    waiting = await token_in_email(database, thief, "confirm_new")
    client.post("/api/v1/auth/forgot-password", json={"email": user.email})
    body = {"token": await token_in_email(database, user.email, "reset"), "password": NEW_PASSWORD}
    assert client.post("/api/v1/auth/reset-password", json=body).status_code == 204

    assert client.get(f"/api/v1/auth/verify/{waiting}").status_code == 400
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


def test_user_name_can_be_changed_to_a_free_one_and_taken_away(client: httpx.Client) -> None:
    user, other, name = new_user(client), new_user(client), new_username()

    def change(username: str | None) -> httpx.Response:
        return client.patch("/api/v1/users/me", json={"username": username}, headers=user.headers)

    assert change(other.username.upper()).json()["code"] == "username_taken"
    assert change(name).json()["username"] == name
    assert change(name.upper()).json()["username"] == name.upper()
    assert change(None).json()["username"] is None


async def test_deleting_an_account_needs_the_password_and_leaves_nothing(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, neighbour = new_user(client), new_user(client)
    client.post("/api/v1/tokens", json={"name": "script"}, headers=user.headers)

    def delete(password: str) -> httpx.Response:
        return client.request(
            "DELETE", "/api/v1/users/me", json={"password": password, "entries": "delete"}, headers=user.headers
        )

    assert delete("Wrong-pass1").json()["code"] == "credentials_wrong"
    assert delete(PASSWORD).status_code == 204

    assert not is_signed_in(client, user.tokens["access_token"])
    assert await database.fetchval("SELECT count(*) FROM account WHERE email = $1", user.email) == 0
    assert is_signed_in(client, neighbour.tokens["access_token"])


def test_api_token_works_until_it_is_deleted_or_over(client: httpx.Client) -> None:
    user = new_user(client)
    created = client.post("/api/v1/tokens", json={"name": " deploy "}, headers=user.headers).json()
    assert created["token"].startswith("slp_")
    assert (created["name"], created["scopes"], created["last_used_at"]) == ("deploy", ["read", "write"], None)
    me = client.get("/api/v1/users/me", headers=bearer(created["token"]))
    assert me.json()["email"] == user.email

    [listed] = client.get("/api/v1/tokens", headers=user.headers).json()
    assert "token" not in listed
    assert (listed["id"], listed["last_used_at"] is not None) == (created["id"], True)
    address = f"/api/v1/tokens/{created['id']}"
    assert client.delete(address, headers=new_user(client).headers).status_code == 404
    assert client.delete(address, headers=user.headers).status_code == 204
    assert client.delete(address, headers=user.headers).status_code == 404
    assert not is_signed_in(client, created["token"])


async def test_api_token_ends_when_it_should(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    past, soon = (datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (-1, 3600))

    beyond = {"name": "x", "expires_at": "9999-12-31T23:59:59-23:59"}
    assert client.post("/api/v1/tokens", json=beyond, headers=user.headers).status_code == 422
    refused = client.post("/api/v1/tokens", json={"name": "x", "expires_at": past.isoformat()}, headers=user.headers)
    assert refused.json()["errors"][0]["code"] == "expiry_past"
    made = client.post(
        "/api/v1/tokens", json={"name": "x", "expires_at": soon.isoformat()}, headers=user.headers
    ).json()
    assert is_signed_in(client, made["token"])
    await database.execute("UPDATE api_token SET expires_at = now() WHERE id = $1", made["id"])
    assert not is_signed_in(client, made["token"])


@pytest.mark.parametrize(("asked", "seconds"), [("90d", 90 * 86_400), ("PT1H", 3600), (60, 60), ("60", 60)])
def test_api_token_ends_after_the_time_that_was_asked_for(client: httpx.Client, asked: str | int, seconds: int) -> None:
    user = new_user(client)

    made = client.post("/api/v1/tokens", json={"name": "x", "expires_in": asked}, headers=user.headers).json()

    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert abs(lasts - timedelta(seconds=seconds)) < timedelta(seconds=30)
    assert is_signed_in(client, made["token"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"expires_in": "P1M"}, "duration_invalid"),
        ({"expires_in": 0}, "duration_invalid"),
        ({"expires_in": "never"}, "duration_invalid"),
        ({"expires_in": "999999w"}, "instant_invalid"),
        ({"expires_in": "1d", "expires_at": "2050-01-01T00:00:00Z"}, "expiry_twice"),
    ],
)
def test_api_token_with_a_wrong_lifetime_is_refused(client: httpx.Client, fields: dict[str, object], code: str) -> None:
    refused = client.post("/api/v1/tokens", json={"name": "x", **fields}, headers=new_user(client).headers)

    assert refused.status_code == 422
    assert [error["code"] for error in refused.json()["errors"]] == [code]


async def test_only_a_hash_of_an_api_token_is_kept(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    token = client.post("/api/v1/tokens", json={"name": "x"}, headers=user.headers).json()["token"]

    rows = await database.fetch("SELECT t::text AS row FROM api_token t")

    assert all(token not in row["row"] and token[4:] not in row["row"] for row in rows)


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("POST", "/api/v1/tokens"),
        ("GET", "/api/v1/tokens"),
        ("PATCH", "/api/v1/users/me"),
        ("DELETE", "/api/v1/users/me"),
        ("POST", "/api/v1/auth/change-password"),
        ("POST", "/api/v1/auth/logout"),
        ("POST", "/api/v1/auth/logout-everywhere"),
    ],
)
def test_account_itself_is_changed_by_who_signed_in_only(client: httpx.Client, method: str, address: str) -> None:
    user = new_user(client)
    token = client.post("/api/v1/tokens", json={"name": "x"}, headers=user.headers).json()["token"]
    body = {
        ("POST", "/api/v1/tokens"): {"name": "y"},
        ("PATCH", "/api/v1/users/me"): {"username": None},
        ("DELETE", "/api/v1/users/me"): {"password": PASSWORD, "entries": "delete"},
        ("POST", "/api/v1/auth/change-password"): {"password": PASSWORD, "new_password": NEW_PASSWORD},
    }.get((method, address))

    by_token = client.request(method, address, json=body, headers=bearer(token))
    assert (by_token.status_code, by_token.json()["code"]) == (403, "api_token_forbidden")
    by_guest = client.request(method, address, json=body)
    assert (by_guest.status_code, by_guest.json()["code"]) == (401, "sign_in_required")
    assert client.get("/api/v1/users/me", headers=user.headers).json()["username"] == user.username


def test_tokens_of_an_account_are_a_hundred_at_most(client: httpx.Client) -> None:
    user = new_user(client)
    for number in range(100):
        made = client.post("/api/v1/tokens", json={"name": f"token {number}"}, headers=user.headers)
        assert made.status_code == 201

    refused = client.post("/api/v1/tokens", json={"name": "one more"}, headers=user.headers)

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_tokens")
