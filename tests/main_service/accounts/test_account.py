"""What a user does with the account: passwords, address, user name, API tokens, deletion."""

import asyncpg
import httpx

from tests.support.accounts import (
    PASSWORD,
    is_signed_in,
    new_user,
    new_username,
)


def test_daily_report_is_for_confirmed_addresses(client: httpx.Client) -> None:
    user = new_user(client)

    refused = client.patch("/api/v1/users/me", json={"daily_report": True}, headers=user.headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "address_unconfirmed")
    assert client.patch("/api/v1/users/me", json={"daily_report": False}, headers=user.headers).status_code == 200


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
