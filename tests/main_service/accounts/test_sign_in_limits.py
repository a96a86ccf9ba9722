"""How often a password may be tried, by account and by client."""

from concurrent.futures import ThreadPoolExecutor

import argon2
import asyncpg
import httpx

from main_service.accounts.sign_in_limits import PER_NAME
from tests.support.accounts import (
    PASSWORD,
    insert_account,
    new_email,
    new_user,
    token_in_email,
)
from tests.support.web import WebServer


def attempt(client: httpx.Client, name: str, password: str, *, address: str | None = None) -> httpx.Response:
    headers = {"X-Forwarded-For": address} if address else {}
    return client.post("/api/v1/auth/token", json={"email": name, "password": password}, headers=headers)


async def test_attempts_to_guess_a_password_are_limited_and_the_owner_can_still_reset(
    proxied: WebServer, database: asyncpg.Connection
) -> None:
    user, neighbour = new_user(proxied.client), new_user(proxied.client)

    def guess(number: int, name: str) -> httpx.Response:
        return attempt(proxied.client, name, "Wrong-pass1", address=f"203.0.113.{number}")

    # Each guess comes from somewhere else.
    answers = [guess(number, user.email) for number in range(PER_NAME.amount)]
    assert [answer.status_code for answer in answers] == [401] * PER_NAME.amount

    refused = attempt(proxied.client, user.email, PASSWORD, address="203.0.113.99")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert 0 < int(refused.headers["retry-after"]) <= PER_NAME.seconds
    assert attempt(proxied.client, neighbour.email, PASSWORD, address="203.0.113.99").status_code == 200

    assert proxied.client.post("/api/v1/auth/forgot-password", json={"email": user.email}).status_code == 202
    token = await token_in_email(database, user.email, "reset")
    new = {"token": token, "password": "Brand-new-1"}
    assert proxied.client.post("/api/v1/auth/reset-password", json=new).status_code == 204
    assert attempt(proxied.client, user.email, "Brand-new-1", address="203.0.113.99").status_code == 200


def test_many_guesses_at_once_are_not_more_than_the_limit(proxied: WebServer) -> None:
    email = new_email()
    # Slow enough that all are let in before the first has failed, and quick enough that none is turned away as busy.
    hasher = argon2.PasswordHasher(time_cost=3, memory_cost=8 * 1024, parallelism=1)
    insert_account(proxied.client, email, hashed_password=hasher.hash(PASSWORD))

    def guess(number: int) -> int:
        with proxied.new_client() as visitor:
            return attempt(visitor, email, "Wrong-pass1", address=f"198.18.7.{number}").status_code

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(guess, range(24)))

    assert answers.count(401) <= PER_NAME.amount
    assert set(answers) <= {401, 429, 503}


def test_unknown_addresses_are_limited_like_known_ones(proxied: WebServer) -> None:
    email = new_email()

    answers = [
        attempt(proxied.client, email, "Wrong-pass1", address=f"192.0.2.{number}")
        for number in range(PER_NAME.amount + 1)
    ]

    assert [answer.status_code for answer in answers] == [401] * PER_NAME.amount + [429]


def test_one_client_that_guesses_at_many_accounts_is_limited(proxied: WebServer) -> None:
    emails = [new_email() for _ in range(6)]
    for email in emails:
        insert_account(proxied.client, email)
    for number in range(60):
        answer = attempt(proxied.client, emails[number % 6], "Wrong-pass1", address=f"2001:db8:77:1::{number:x}")
        if answer.status_code == 429:
            break
    assert answer.status_code == 429, "the same /64 is one client"
    user = new_user(proxied.client)
    assert attempt(proxied.client, user.email, PASSWORD, address="2001:db8:77:1::ffff").status_code == 429
    assert attempt(proxied.client, user.email, PASSWORD, address="2001:db8:77:2::1").status_code == 200
