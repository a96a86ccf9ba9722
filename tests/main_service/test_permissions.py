"""The right to change things: owner, another user, guest, superuser and disabled user at every route with a change."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.support.accounts import User, new_user, new_username, sign_in_on_page
from tests.support.database import connected
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import BROWSER, FOREIGN
from tests.support.routes import Route, Who, changing_routes
from tests.support.web import WebServer

# They answer everybody who is signed in, and do nothing to what is not theirs.
HARMLESS = {"POST /api/v1/entries/delete", "POST /profile/delete", "DELETE /rest/v3/tags"}
# Guests may do these too, in their own name.
FOR_GUESTS_TOO = {"POST /api/v1/pastes", "POST /api/v1/links"}

PUBLIC_HOST = "slipbin.test"
THINGS = changing_routes(Who.OWNER, Who.MANAGER)
SELF = [route for route in changing_routes() if route.who is Who.USER or route.name in FOR_GUESTS_TOO]

NEVER_DONE = ("DELETE /rest/v3/short-urls/{key}/visits",)
"""What Shlink's clients may ask for, and no user can have here."""

FILES_ARE_SENT_TO = ("/api/v1/imports", "/settings/import")


@dataclass
class Actor:
    """A browser and an API client of one person."""

    client: httpx.Client
    user: User | None = None

    def do(self, route: Route, names: dict[str, str]) -> httpx.Response:
        assert route.change
        address, body = fill(route.path + route.change.query, names), fill(route.change.body, names)
        if route.path in FILES_ARE_SENT_TO:
            headers = self.user.headers if self.user and route.is_api else BROWSER
            files = {"file": b"link,long_url\n"}
            return self.client.request(route.method, address, data=body, files=files, headers=headers)
        if route.is_for_programs:
            headers = self.user.headers if self.user else {}
            if "claim" in address:
                headers = headers | {"X-Manage-Token": names["manage_token"]}
            sent = {"json": body} if route.takes_json else {"data": body}
            return self.client.request(route.method, address, **sent, headers=headers)
        return self.client.post(address, data=body or {"other": ""}, headers=BROWSER)


def fill(template: Any, names: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {name: fill(value, names) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(value, names) for value in template]
    if isinstance(template, str):
        for name, value in names.items():
            template = template.replace(f"{{{name}}}", value)
    return template


class Cast:
    def __init__(self, web: WebServer, database: asyncpg.Connection) -> None:
        self._web = web
        self._database = database
        self._clients: list[httpx.Client] = []

    def guest(self) -> Actor:
        client = self._web.new_client()
        self._clients.append(client)
        return Actor(client)

    async def signed_in(self) -> Actor:
        actor = self.guest()
        actor.user = new_user(actor.client)
        await self._set(actor, "is_verified", value=True)
        answer = sign_in_on_page(actor.client, actor.user.email)
        assert answer.headers["location"] == "/profile"
        return actor

    async def superuser(self) -> Actor:
        actor = await self.signed_in()
        await self._set(actor, "is_superuser", value=True)
        return actor

    async def disable(self, actor: Actor) -> None:
        await self._set(actor, "is_active", value=False)

    async def enable(self, actor: Actor) -> None:
        """Enable the actor's account, and sign in again: the browser may have forgotten the session."""
        assert actor.user
        actor.client.cookies.clear()
        await self._set(actor, "is_active", value=True)
        sign_in_on_page(actor.client, actor.user.email)

    async def snapshot(self, actor: Actor) -> list[Any]:
        """All that a user has, but for when they used it."""
        assert actor.user
        account = "SELECT id FROM account WHERE email = $1"
        statements = (
            "SELECT email, username, hashed_password, session_epoch, left_at, counts_own_visits, daily_report "
            "FROM account WHERE id = ($A)",
            "SELECT key, title, visibility, expires_at, original_url, ended_at FROM entry WHERE owner_id = ($A)",
            "SELECT id, name, shared_key FROM collection WHERE owner_id = ($A)",
            "SELECT e.* FROM collection_entry AS e JOIN collection AS c ON c.id = collection_id WHERE owner_id = ($A)",
            "SELECT id, name FROM api_token WHERE account_id = ($A)",
            "SELECT id, started_at FROM report WHERE owner_id = ($A)",
            "SELECT id, stopped_at FROM import_job WHERE owner_id = ($A)",
        )
        return [
            [tuple(row) for row in await self._database.fetch(text.replace("$A", account), actor.user.email)]
            for text in statements
        ]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    async def _set(self, actor: Actor, column: str, *, value: bool) -> None:
        assert actor.user
        await self._database.execute(f"UPDATE account SET {column} = $2 WHERE email = $1", actor.user.email, value)


@dataclass(frozen=True)
class Outsiders:
    """The actors whose entries and accounts no test touches, so that one of each is enough."""

    other: Actor
    superuser: Actor
    guest: Actor
    disabled: Actor


@pytest.fixture(scope="module")
def outsiders(web: WebServer, environment: Environment) -> Iterator[Outsiders]:
    async def make() -> tuple[Cast, Outsiders]:
        async with connected(environment) as database:
            members = Cast(web, database)
            made = Outsiders(
                await members.signed_in(), await members.superuser(), members.guest(), await members.signed_in()
            )
            await members.disable(made.disabled)
            return members, made

    members, made = asyncio.run(make())
    yield made
    members.close()


@pytest.fixture
def cast(web: WebServer, database: asyncpg.Connection) -> Iterator[Cast]:
    members = Cast(web, database)
    yield members
    members.close()


def things_of(actor: Actor, route: Route | None = None) -> dict[str, str]:
    """What a user has, by the names that paths have for it."""
    assert actor.user
    client, headers = actor.client, actor.user.headers
    key = create_link(client, headers=headers)["key"]
    collection_id = client.post("/api/v1/collections", json={"name": "mine"}, headers=headers).json()["id"]
    client.put(f"/api/v1/collections/{collection_id}/entries/{key}", headers=headers).raise_for_status()
    token_id = client.post("/api/v1/tokens", json={"name": "mine"}, headers=headers).json()["id"]
    other_key = create_paste(client)["key"]
    order = {"from": "2026-03-01", "to": "2026-03-31"}
    report_id = client.post("/api/v1/reports", json=order, headers=headers).json()["id"]
    form = {"data": {"format": "bitly-csv"}, "files": {"file": b"link,long_url\n"}}
    import_id = client.post("/api/v1/imports", **form, headers=headers).json()["id"]
    return {
        "key": key,
        "host": PUBLIC_HOST,
        "other_key": other_key,
        "entry_key": key if route and route.method == "DELETE" else other_key,
        "collection_id": collection_id,
        "token_id": token_id,
        "report_id": report_id,
        "import_id": import_id,
    }


def is_led_to_sign_in(answer: httpx.Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=/")


def is_refused_as_unknown(route: Route, answer: httpx.Response) -> bool:
    if route.path.startswith("/v4/"):
        # Bitly, whose clients these are, answers so.
        return answer.status_code == 403
    return answer.status_code == 401 if route.is_for_programs else is_led_to_sign_in(answer)


def changes_something(route: Route) -> bool:
    assert route.change
    return route.change.what != "nothing"


def is_done(answer: httpx.Response) -> bool:
    return answer.status_code in (200, 201, 202, 204, 303) and not is_led_to_sign_in(answer)


@pytest.mark.parametrize("route", THINGS, ids=lambda route: route.name)
async def test_what_a_user_has_only_they_change(cast: Cast, outsiders: Outsiders, route: Route) -> None:
    owner = await cast.signed_in()
    names = things_of(owner, route)
    before = await cast.snapshot(owner)

    for stranger in (outsiders.other, outsiders.superuser):
        answer = stranger.do(route, names)
        assert answer.status_code in ({200, 204, 303} if route.name in HARMLESS else {403, 404}), answer.text
        assert await cast.snapshot(owner) == before
    for unknown in (outsiders.guest, outsiders.disabled):
        assert is_refused_as_unknown(route, unknown.do(route, names))
        assert await cast.snapshot(owner) == before
    await cast.disable(owner)
    assert is_refused_as_unknown(route, owner.do(route, names))
    assert await cast.snapshot(owner) == before
    await cast.enable(owner)
    answer = owner.do(route, names)
    assert is_done(answer) or route.name in NEVER_DONE, answer.text
    assert route.is_for_programs or answer.status_code == 303, "no page is at the address that a form is sent to"
    if route.name not in ("POST /{key}/manage", "POST /{key}/manage/claim"):
        assert (await cast.snapshot(owner) != before) is changes_something(route)


@pytest.mark.parametrize("route", SELF, ids=lambda route: route.name)
async def test_what_is_for_users_each_does_in_their_own_name(cast: Cast, outsiders: Outsiders, route: Route) -> None:
    bystander = outsiders.other
    before = await cast.snapshot(bystander)

    def names(actor: Actor) -> dict[str, str]:
        entry = create_paste(actor.client)
        return {"key": entry["key"], "username": new_username(), **managing_name(entry)}

    guest, disabled = outsiders.guest, outsiders.disabled
    assert is_refused_as_unknown(route, disabled.do(route, names(disabled)))
    answer = guest.do(route, names(guest))
    assert is_done(answer) if route.name in FOR_GUESTS_TOO else is_refused_as_unknown(route, answer), answer.text
    for user in (await cast.signed_in(), await cast.superuser()):
        own = await cast.snapshot(user)
        answer = user.do(route, names(user))
        assert is_done(answer), answer.text
        assert route.is_for_programs or answer.status_code == 303, "no page is at the address that a form is sent to"
        if route.name not in ("POST /api/v1/auth/logout", "POST /settings/email", "POST /settings/confirm"):
            assert (await cast.snapshot(user) != own) is changes_something(route)
    assert await cast.snapshot(bystander) == before


def managing_name(entry: dict[str, Any]) -> dict[str, str]:
    return {"manage_token": manage_headers(entry)["X-Manage-Token"]}


@pytest.mark.parametrize("route", changing_routes(Who.SUPERUSER), ids=lambda route: route.name)
async def test_only_superusers_administer(
    cast: Cast, outsiders: Outsiders, database: asyncpg.Connection, route: Route
) -> None:
    target = await cast.signed_in()
    assert target.user
    account_id = await database.fetchval("SELECT id FROM account WHERE email = $1", target.user.email)
    names = {"account_id": str(account_id)}

    async def state() -> tuple[Any, ...]:
        tasks = await database.fetchval("SELECT count(*) FROM admin_task")
        return await database.fetchval("SELECT is_active FROM account WHERE id = $1", account_id), tasks

    before = await state()
    for user in (target, outsiders.other):
        assert user.do(route, names).json()["code"] == "superuser_required"
    former = await cast.superuser()
    await cast.disable(former)
    for unknown in (outsiders.guest, former):
        assert unknown.do(route, names).status_code == 401
    assert await state() == before
    assert is_done(outsiders.superuser.do(route, names))


async def test_unsafe_method_from_a_foreign_origin_is_refused_at_every_route(cast: Cast) -> None:
    """A signed-in user is protected from other sites' forms and scripts."""
    owner = await cast.signed_in()
    names = things_of(owner) | {"username": new_username() + uuid4().hex[:4]}
    before = await cast.snapshot(owner)
    for route in changing_routes():
        assert route.change
        address, body = fill(route.path + route.change.query, names), fill(route.change.body or {}, names)
        for foreign in FOREIGN:
            sent = {"json": body} if route.is_for_programs else {"data": body | {"other": "field"}}
            headers = foreign if route.is_api else BROWSER | foreign
            answer = owner.client.request(route.method, address, **sent, headers=headers)
            assert answer.status_code == 403, (route.name, answer.status_code)
            assert "foreign_origin" in answer.text or not route.is_api, route.name
    assert await cast.snapshot(owner) == before
