"""Makes accounts through the API, and reads the letters they cause, for tests about something else."""

import json
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import httpx

PASSWORD = "Wonderful-1"


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


def register(client: httpx.Client, *, email: str | None = None, username: str | None = None) -> User:
    """A new account, signed in."""
    email, username = email or new_email(), username or new_username()
    fields = {"email": email, "username": username, "password": PASSWORD}
    response = client.post("/api/v1/auth/register", json=fields)
    assert response.status_code == 201, response.text
    return User(email, username, sign_in(client, email))


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


async def link_of(database: asyncpg.Connection, email: str, letter: str) -> str:
    """The token in the newest letter of a kind."""
    links = [values["link"] for kind, values in await letters(database, email) if kind == letter]
    return links[-1].rpartition("/")[2]
