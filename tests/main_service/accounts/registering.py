"""Makes accounts, and reads the letters they cause, for tests about something else."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import argon2
import asyncpg
import httpx

from main_service.accounts.emails import seconds_to_next
from tests.support.running import Client

ROOM_SECONDS = 20
PASSWORD = "Wonderful-1"
CHEAP_HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Of PASSWORD. It says itself what it takes to check: of what a real one takes, nothing to speak of."""


@dataclass(frozen=True)
class User:
    email: str
    username: str
    tokens: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.tokens["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def new_email() -> str:
    return f"user-{uuid4().hex[:12]}@example.org"


def new_username() -> str:
    return f"user-{uuid4().hex[:12]}"


def register(client: httpx.Client) -> User:
    """A new account, signed in. It was inserted, as two real hashes take longer than most tests: it has no letter."""
    email, username = new_email(), new_username()
    insert(client, email, username)
    return User(email, username, sign_in(client, email))


def register_by_api(client: httpx.Client, *, email: str | None = None, username: str | None = None) -> User:
    """A new account, signed in, as everybody makes theirs."""
    email, username = email or new_email(), username or new_username()
    fields = {"email": email, "username": username, "password": PASSWORD}
    response = client.post("/api/v1/auth/register", json=fields)
    assert response.status_code == 201, response.text
    return User(email, username, sign_in(client, email))


def insert(client: httpx.Client, email: str, username: str | None = None, *, hashed_password: str = CHEAP_HASH) -> None:
    """An account as registering makes it, in the database of the service that the client asks."""
    assert isinstance(client, Client)
    # In a thread, because a test with an event loop of its own may be waiting for us.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _insert(client.database_url, email, username, hashed_password)).result()


async def _insert(database_url: str, email: str, username: str | None, hashed_password: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(
            """
            INSERT INTO account (id, email, username, hashed_password, is_active, is_superuser, is_verified,
                                 registered_at, session_epoch)
            VALUES ($1, $2, $3, $4, true, false, false, now(), 0)
            """,
            *(uuid4(), email, username, hashed_password),
        )
    finally:
        await connection.close()


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> dict[str, str]:
    response = client.post("/api/v1/auth/token", json={"email": name, "password": password})
    assert response.status_code == 200, response.text
    tokens: dict[str, str] = response.json()
    return tokens


def is_signed_in(client: httpx.Client, token: str) -> bool:
    response = client.get("/api/v1/auth/whoami", headers=bearer(token))
    assert response.status_code in (200, 401), response.text
    return response.status_code == 200


async def letters(database: asyncpg.Connection, email: str) -> list[tuple[str, dict[str, str]]]:
    """Template and values of each letter that waits for an address, oldest first."""
    rows = await database.fetch("SELECT letter, values FROM mail WHERE recipient = $1 ORDER BY id", email)
    return [(row["letter"], json.loads(row["values"])) for row in rows]


async def wait_for_room_in_five_minutes() -> None:
    """Until a test that counts emails does not meet the end of the five minutes in which one is sent once."""
    left = seconds_to_next()
    if left < ROOM_SECONDS:
        await asyncio.sleep(left)


async def link_of(database: asyncpg.Connection, email: str, letter: str) -> str:
    """The token in the newest letter of a kind."""
    links = [values["link"] for kind, values in await letters(database, email) if kind == letter]
    return links[-1].rpartition("/")[2]
