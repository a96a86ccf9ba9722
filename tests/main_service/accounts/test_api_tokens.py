"""API tokens: how long they live, what is kept of them, what they may not do, and how many there are."""

from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from tests.support.accounts import (
    PASSWORD,
    bearer,
    is_signed_in,
    new_user,
)

NEW_PASSWORD = "Even-better-2"


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
