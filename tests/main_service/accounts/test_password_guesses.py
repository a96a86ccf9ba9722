"""How often a password may be guessed by who has a session, and what a crowd of guesses keeps others from."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from uuid import uuid4

import argon2
import asyncpg
import httpx
import redis
from pydantic import SecretStr
from redis.asyncio import Redis

from main_service.accounts.errors import CredentialsWrongError, TooManyAttemptsError
from main_service.accounts.sign_in_limits import PER_NAME, PER_SESSION, ClientPasswords, SignInLimits
from main_service.engines.password_hasher import PasswordHasher
from main_service.engines.rate_limits import ClientAddress, RateLimiter
from main_service.engines.redis import RedisClient
from tests.support.accounts import (
    PASSWORD,
    bearer,
    insert_account,
    new_email,
    new_user,
    new_username,
    register_on_page,
    sign_in,
)
from tests.support.engines import SECRET, Environment
from tests.support.pages import send_urlencoded_form
from tests.support.web import WebServer

NEW_PASSWORD = "Even-better-2"
WRONG = "Wrong-pass1"
SLOW_HASH = argon2.PasswordHasher(time_cost=3, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
"""So slow that all guesses of one moment are let in before the first has failed."""


def change_email(client: httpx.Client, password: str, headers: dict[str, str]) -> httpx.Response:
    body = {"email": new_email(), "password": password}
    return client.patch("/api/v1/users/me", json=body, headers=headers)


def change_password(client: httpx.Client, password: str, headers: dict[str, str]) -> httpx.Response:
    body = {"password": password, "new_password": NEW_PASSWORD}
    return client.post("/api/v1/auth/change-password", json=body, headers=headers)


def delete_account(client: httpx.Client, password: str, headers: dict[str, str]) -> httpx.Response:
    body = {"password": password, "entries": "delete"}
    return client.request("DELETE", "/api/v1/users/me", json=body, headers=headers)


CHANGES = (change_email, change_password, delete_account)


def test_guesses_at_once_with_a_stolen_session_are_not_more_than_the_limit(proxied: WebServer) -> None:
    email = new_email()
    insert_account(proxied.client, email, hashed_password=SLOW_HASH)
    stolen, own = (bearer(sign_in(proxied.client, email)["access_token"]) for _ in range(2))

    def guess(number: int) -> int:
        with proxied.new_client() as thief:
            change = CHANGES[number % len(CHANGES)]
            return change(thief, WRONG, stolen | {"X-Forwarded-For": f"198.18.9.{number}"}).status_code

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(guess, range(24)))

    assert answers.count(401) <= PER_SESSION.amount
    assert set(answers) <= {401, 429, 503}
    while (answer := change_email(proxied.client, WRONG, stolen)).status_code == 401:
        pass
    for change in CHANGES:
        answer = change(proxied.client, PASSWORD, stolen)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["retry-after"]) <= PER_SESSION.seconds
    # The owner is not kept out by it.
    assert sign_in(proxied.client, email)
    assert change_email(proxied.client, PASSWORD, own).status_code == 200


class HeldPasswordHasher(PasswordHasher):
    """Says of each password whether it is right only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, asyncio.Event] = {}

    async def verify(
        self,
        password: str,
        hashed_password: str | None,
        *,
        address: ClientAddress,  # noqa: ARG002
    ) -> bool:
        await self._held.setdefault(password, asyncio.Event()).wait()
        return password == hashed_password

    def let_go(self, password: str) -> None:
        self._held[password].set()


async def test_right_password_tells_nothing_once_enough_wrong_ones_of_the_same_moment_have_failed(
    environment: Environment,
) -> None:
    async with Redis.from_url(environment["MAIN_REDIS_URL"]) as connection:
        limiter = RateLimiter(RedisClient(connection))
        limits = SignInLimits(limiter, secret=SecretStr(SECRET))
        for guesses in (limits.of_session(uuid4()), limits.of_sign_in(new_username(), None)):
            password_hasher = HeldPasswordHasher()
            client = ClientPasswords(password_hasher=password_hasher, limits=limits, address=None)
            asked = {
                password: asyncio.create_task(client.check(password, PASSWORD, guesses=guesses))
                for password in (PASSWORD, *(f"Wrong-{number}" for number in range(PER_SESSION.amount)))
            }
            # All are let in before one has failed.
            await limiter.look(guesses)
            await asyncio.sleep(0)
            for password in reversed(asked):
                password_hasher.let_go(password)
                refusal = (await asyncio.gather(asked[password], return_exceptions=True))[0]
                expected = TooManyAttemptsError if password == PASSWORD else CredentialsWrongError
                assert isinstance(refusal, expected)
            password_hasher.close()
        await limiter.close()


def test_stranger_who_guesses_keeps_no_owner_from_a_change(proxied: WebServer) -> None:
    user = new_user(proxied.client)
    for number in range(PER_NAME.amount + 1):
        answer = proxied.client.post(
            "/api/v1/auth/token",
            json={"email": user.email, "password": WRONG},
            headers={"X-Forwarded-For": f"198.18.10.{number}"},
        )
    assert answer.status_code == 429

    assert change_email(proxied.client, PASSWORD, user.headers).status_code == 200
    assert change_password(proxied.client, PASSWORD, user.headers).status_code == 200


def test_forms_of_a_browser_count_together(client: httpx.Client) -> None:
    register_on_page(client)
    forms = [
        ("/settings", "/settings/email", {"email": new_email()}),
        ("/settings", "/settings/password", {"new_password": NEW_PASSWORD}),
        ("/settings/delete", "/settings/delete", {"entries": "delete"}),
    ]

    def attempt(number: int, password: str) -> int:
        page, address, fields = forms[number % len(forms)]
        return send_urlencoded_form(client, page, address, password=password, **fields).status_code

    answers = [attempt(number, WRONG) for number in range(PER_SESSION.amount)]
    # The page of deletion says it at the field.
    assert set(answers) <= {401, 422}
    assert [attempt(number, PASSWORD) for number in range(len(forms))] == [429] * len(forms)


async def test_redis_has_neither_names_nor_addresses_of_who_failed(
    proxied: WebServer, valkey: redis.Redis, database: asyncpg.Connection
) -> None:
    email = new_email()
    before = set(valkey.scan_iter("*"))
    headers = {"X-Forwarded-For": "198.18.11.77"}
    proxied.client.post("/api/v1/auth/token", json={"email": email, "password": WRONG}, headers=headers)

    counters = {name for name in valkey.scan_iter("*") if "sign-in" in name} - before
    assert len(counters) == 2
    for name in counters:
        for told in (email, sha256(email.encode()).hexdigest(), "198.18.11"):
            assert told not in name + valkey.get(name)


def test_crowd_at_one_address_keeps_no_one_else_from_signing_in(proxied: WebServer) -> None:
    """Whose new passwords take both threads as long as it lasts."""
    users = [new_user(proxied.client) for _ in range(8)]

    def flood(number: int) -> int:
        body = {"email": f"flood-{new_username()}@example.org", "password": PASSWORD}
        with proxied.new_client() as visitor:
            headers = {"X-Forwarded-For": f"2001:db8:80::{number:x}"}
            return visitor.post("/api/v1/auth/register", json=body, headers=headers).status_code

    def enter(number: int) -> int:
        body = {"email": users[number].email, "password": PASSWORD}
        with proxied.new_client() as visitor:
            headers = {"X-Forwarded-For": f"198.18.12.{number}"}
            return visitor.post("/api/v1/auth/token", json=body, headers=headers).status_code

    with ThreadPoolExecutor(80) as crowd, ThreadPoolExecutor(2) as people:
        flooding = [crowd.submit(flood, number) for number in range(80)]
        entered = list(people.map(enter, range(len(users))))
        answers = {each.result() for each in flooding}

    assert entered == [200] * len(users)
    assert answers <= {201, 503}
