"""HEAD changes nothing, at whatever address; nor does GET of a link that stands in an email."""

import re
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from tests.support.accounts import (
    PASSWORD,
    User,
    emails_to,
    new_email,
    register_by_api,
    sign_in_on_page,
    token_in_email,
)
from tests.support.entries import create_link, create_paste
from tests.support.imports import order_import
from tests.support.pages import BROWSER
from tests.support.reports import order_report as ask_for_report
from tests.support.routes import reading_routes

STREAM = "visits:{0}"


async def digest(database: asyncpg.Connection, valkey: redis.Redis) -> dict[str, Any]:
    """What each table holds, and how many visits there have been."""
    tables = await database.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND NOT relispartition"
    )
    held = {
        # Of the rows in any order: to sort what all tests have made would take most of the time.
        name: tuple(await database.fetchrow(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {name} AS t"))
        for (name,) in tables
    }
    return held | {STREAM: valkey.xlen(STREAM)}


class Addresses:
    """Fills in the paths of routes with what one user has, and with an entry of each kind."""

    def __init__(self, client: httpx.Client, user: User) -> None:
        collections = "/api/v1/collections"
        collection = client.post(collections, json={"name": "mine"}, headers=user.headers).json()
        shared = client.patch(
            f"{collections}/{collection['id']}", json={"is_shared": True}, headers=user.headers
        ).json()
        token = client.post("/api/v1/tokens", json={"name": "mine"}, headers=user.headers).json()
        self.api_token = {"Authorization": f"Bearer {token['token']}"}
        report = ask_for_report(client, user)
        imported = order_import(client, user, b"link,long_url\n", "bitly-csv")
        own = {"headers": user.headers, "visibility": "private"}
        self.keys = [
            create_paste(client)["key"],
            create_link(client)["key"],
            create_paste(client, views=1)["key"],
            create_link(client, views=1)["key"],
            create_paste(client, **own)["key"],
            create_link(client, **own)["key"],
        ]
        self.names = {
            "collection_id": [collection["id"]],
            "shared_key": [shared["shared_url"].rpartition("/")[2]],
            "token_id": [token["id"]],
            "report_id": [report["id"]],
            "import_id": [imported["id"]],
            "key": self.keys,
            "entry_key": self.keys,
            "extension": ["py"],
            "name": ["app.py"],
            "tag": ["mine"],
            "host": ["slipbin.test"],
            "domain": ["DEFAULT"],
            "group_guid": ["another"],
        }

    def of(self, path: str, tokens: list[str]) -> list[str]:
        addresses = [path]
        for name in re.findall(r"{(\w+)(?::\w+)?}", path):
            values = {**self.names, "token": tokens}[name]
            addresses = [re.sub(rf"{{{name}(:\w+)?}}", value, address) for address in addresses for value in values]
        return addresses


@pytest.fixture
def page_user(client: httpx.Client) -> User:
    """Signed in in the browser, too."""
    registered = register_by_api(client)
    assert sign_in_on_page(client, registered.email).status_code == 303
    return registered


async def tokens_in_emails(client: httpx.Client, database: asyncpg.Connection, user: User) -> dict[str, str]:
    """The tokens in the links of emails, by the kind of email."""
    email = new_email()
    asked = {"email": email, "password": PASSWORD}
    client.patch("/api/v1/users/me", json=asked, headers=user.headers).raise_for_status()
    client.post("/api/v1/auth/forgot-password", json={"email": user.email}).raise_for_status()
    return {
        "confirm": await token_in_email(database, user.email, "confirm"),
        "confirm_new": await token_in_email(database, email, "confirm_new"),
        "reset": await token_in_email(database, user.email, "reset"),
    }


async def test_head_changes_nothing_at_any_address(
    client: httpx.Client, page_user: User, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    # Only who has confirmed the address may ask for a report; afterwards its link has something to confirm again.
    await database.execute("UPDATE account SET is_verified = true WHERE email = $1", page_user.email)
    addresses = Addresses(client, page_user)
    await database.execute("UPDATE account SET is_verified = false WHERE email = $1", page_user.email)
    tokens = list((await tokens_in_emails(client, database, page_user)).values())
    # So long ago that a reader would note that they are used.
    await database.execute(
        "UPDATE entry SET created_at = now() - interval '9 days', updated_at = now() - interval '9 days', "
        "last_visit_at = NULL WHERE key = ANY($1)",
        addresses.keys,
    )
    await database.execute("UPDATE account SET is_superuser = true WHERE email = $1", page_user.email)
    paths = sorted(route.path for route in reading_routes())
    assert {"/verify/{token}", "/api/v1/auth/verify/{token}", "/{key}", "/api/v1/admin/tasks/{task_id}"} <= {*paths}
    addresses.names["task_id"] = [
        client.post("/api/v1/admin/cleanup", headers=page_user.headers).raise_for_status().json()["id"]
    ]

    before = await digest(database, valkey)
    for path in paths:
        for address in addresses.of(path, tokens):
            for headers in (BROWSER, page_user.headers, addresses.api_token):
                answer = client.head(address, headers=headers)
                assert answer.status_code < 500 or answer.status_code == 501, address
        assert await digest(database, valkey) == before, path


async def test_opening_a_link_in_an_email_changes_nothing(
    client: httpx.Client, page_user: User, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """Mail scanners open them before their readers do."""
    tokens = await tokens_in_emails(client, database, page_user)
    links = [
        *(f"/verify/{tokens[kind]}" for kind in ("confirm", "confirm_new")),
        f"/reset/{tokens['reset']}",
        "/forgot",
        "/settings",
        "/profile",
    ]
    assert {kind for kind, _ in await emails_to(database, page_user.email)} == {"confirm", "reset", "email_changed"}

    before = await digest(database, valkey)
    for link in links:
        for method in ("GET", "HEAD"):
            answer = client.request(method, link, headers=BROWSER)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), link
            assert await digest(database, valkey) == before, (method, link)
