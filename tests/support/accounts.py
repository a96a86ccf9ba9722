"""Makes accounts, signs them in through the API and on pages, and reads the emails that wait for them."""

import asyncio
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID, uuid4

import argon2
import asyncpg
import httpx

from main_service.accounts.emails import seconds_to_next
from tests.support.database import connected
from tests.support.pages import BROWSER, send_urlencoded_form
from tests.support.web import Client

ROOM_SECONDS = 20
PASSWORD = "Wonderful-1"
CHEAP_HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""A hash of PASSWORD that is checked at once: the parameters of a hash stand in it."""
SESSION_COOKIE = "slipbin_session"


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


def new_user(client: httpx.Client) -> User:
    """Insert an account and sign in. To register takes two real hashes, longer than most tests; no email is sent."""
    email, username = new_email(), new_username()
    insert_account(client, email, username)
    return User(email, username, sign_in(client, email))


async def new_superuser(client: httpx.Client, database: asyncpg.Connection) -> User:
    """Insert a superuser and sign in."""
    user = new_user(client)
    await database.execute("UPDATE account SET is_superuser = true WHERE email = $1", user.email)
    return user


def register_by_api(client: httpx.Client, *, email: str | None = None, username: str | None = None) -> User:
    """Register a new account through the API and sign in."""
    email, username = email or new_email(), username or new_username()
    fields = {"email": email, "username": username, "password": PASSWORD}
    response = client.post("/api/v1/auth/register", json=fields)
    assert response.status_code == 201, response.text
    return User(email, username, sign_in(client, email))


def insert_account(
    client: httpx.Client, email: str, username: str | None = None, *, hashed_password: str = CHEAP_HASH
) -> None:
    """An account as registering makes it, in the database of the service that the client asks."""
    assert isinstance(client, Client)
    # In a thread, because a test with an event loop of its own may be waiting for us.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _insert(client.database_url, email, username, hashed_password)).result()


async def _insert(database_url: str, email: str, username: str | None, hashed_password: str) -> None:
    async with connected(database_url) as connection:
        await connection.execute(
            """
            INSERT INTO account (id, email, username, hashed_password, is_active, is_superuser, is_verified,
                                 registered_at, session_epoch)
            VALUES ($1, $2, $3, $4, true, false, false, now(), 0)
            """,
            *(uuid4(), email, username, hashed_password),
        )


async def insert_owner(database: asyncpg.Connection) -> UUID:
    """An account that no client signs in to; return its id."""
    account_id = uuid4()
    await database.execute(
        """
        INSERT INTO account (id, email, hashed_password, is_active, is_superuser, is_verified, registered_at,
                             session_epoch)
        VALUES ($1::uuid, $1::uuid || '@example.org', 'none', true, false, true, now(), 0)
        """,
        account_id,
    )
    return account_id


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> dict[str, str]:
    response = client.post("/api/v1/auth/token", json={"email": name, "password": password})
    assert response.status_code == 200, response.text
    tokens: dict[str, str] = response.json()
    return tokens


def is_signed_in(client: httpx.Client, token: str) -> bool:
    response = client.get("/api/v1/auth/whoami", headers=bearer(token))
    assert response.status_code in (200, 401), response.text
    return response.status_code == 200


def account_id_of(client: httpx.Client, user: User) -> UUID:
    return UUID(client.get("/api/v1/users/me", headers=user.headers).json()["id"])


async def find_account_id(database: asyncpg.Connection, user: User) -> str:
    return str(await database.fetchval("SELECT id FROM account WHERE email = $1", user.email))


def create_api_token(client: httpx.Client, user: User, *scopes: str) -> str:
    """A token with these scopes; without any, with all."""
    body = {"name": "script", **({"scopes": scopes} if scopes else {})}
    answer = client.post("/api/v1/tokens", json=body, headers=user.headers)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def api_token_headers(client: httpx.Client, user: User, *scopes: str) -> dict[str, str]:
    return bearer(create_api_token(client, user, *scopes))


def sign_in_on_page(client: httpx.Client, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
    return send_urlencoded_form(client, "/sign-in", "/sign-in", name=name, password=password, **fields)


def register_on_page(client: httpx.Client, *, has_name: bool = True) -> dict[str, str]:
    """Insert a new account and sign in on the page; return its email address, user name and password."""
    email, username = new_email(), new_username() if has_name else ""
    insert_account(client, email, username or None)
    answer = sign_in_on_page(client, email)
    assert (answer.status_code, answer.headers["location"]) == (303, "/profile"), answer.text
    return {"email": email, "username": username, "password": PASSWORD}


def session_cookie_of(client: httpx.Client) -> str:
    return client.cookies[SESSION_COOKIE]


def is_signed_in_on_pages(client: httpx.Client, session: str | None = None) -> bool:
    """Whether the client's session cookie, or `session` in its place, opens the settings."""
    cookie = client.cookies.get(SESSION_COOKIE, "") if session is None else session
    headers = BROWSER | {"Cookie": f"{SESSION_COOKIE}={cookie}"}
    answer = httpx.get(f"{client.base_url}/settings", headers=headers, trust_env=False, timeout=60)
    assert answer.status_code in (200, 303), answer.text
    return answer.status_code == 200


def shown_api_token(page: httpx.Response) -> str:
    """The new token that the page of tokens shows once."""
    shown = re.search(r'id="new-token">([^<]+)<', page.text)
    assert shown, page.text
    return shown[1]


async def emails_to(database: asyncpg.Connection, email: str) -> list[tuple[str, dict[str, str]]]:
    """Template and values of each email that waits for an address, oldest first."""
    rows = await database.fetch("SELECT letter, values FROM mail WHERE recipient = $1 ORDER BY id", email)
    return [(row["letter"], json.loads(row["values"])) for row in rows]


async def token_in_email(database: asyncpg.Connection, email: str, template: str) -> str:
    """The token in the link of the newest email of a kind."""
    links = [values["link"] for found, values in await emails_to(database, email) if found == template]
    return links[-1].rpartition("/")[2]


async def wait_for_room_in_five_minutes() -> None:
    """Wait until the five minutes in which an email is sent only once last as long as a test that counts emails."""
    await asyncio.sleep(_seconds_without_room())


def sleep_until_room_in_five_minutes() -> None:
    """`wait_for_room_in_five_minutes` for tests without an event loop."""
    time.sleep(_seconds_without_room())


def _seconds_without_room() -> int:
    left = seconds_to_next()
    return left if left < ROOM_SECONDS else 0
