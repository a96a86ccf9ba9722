"""Makes superusers for tests of what they may do."""

import asyncpg
import httpx

from tests.main_service.accounts.registering import User, register


async def new_superuser(client: httpx.Client, database: asyncpg.Connection) -> User:
    """Signed in."""
    user = register(client)
    await database.execute("UPDATE account SET is_superuser = true WHERE email = $1", user.email)
    return user


async def account_id(database: asyncpg.Connection, user: User) -> str:
    return str(await database.fetchval("SELECT id FROM account WHERE email = $1", user.email))


def api_token(client: httpx.Client, user: User) -> str:
    answer = client.post("/api/v1/tokens", json={"name": "script"}, headers=user.headers)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token
