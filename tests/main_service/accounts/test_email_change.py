"""A new email address counts once it is confirmed; what is said to the old one, and what voids the change."""

import asyncpg
import httpx

from tests.support.accounts import (
    PASSWORD,
    User,
    bearer,
    emails_to,
    is_signed_in,
    new_email,
    new_user,
    register_by_api,
    sign_in,
    token_in_email,
    wait_for_room_in_five_minutes,
)

NEW_PASSWORD = "Even-better-2"


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
