"""Owner, another user and guest at every route that tells figures of visits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.accounts import register_on_page, sign_in
from tests.support.entries import create_link
from tests.support.pages import BROWSER
from tests.support.routes import reading_routes
from tests.support.statistics import insert_hour_counts
from tests.support.web import WebServer

FIGURE = 471_147
SPELLINGS = ("471147", "471,147")

OF_AN_ENTRY = {
    "/api/v1/entries/{key}/stats",
    "/api/v1/entries/{key}/history",
    "/{key}/stats",
    "/{key}/manage/stats",
}
OF_ONESELF = {"/api/v1/stats/me"}
OF_ALL = {"/api/v1/stats/top"}


@dataclass
class Actor:
    """A browser and an API client of one person."""

    client: httpx.Client
    headers: dict[str, str]

    def ask(self, route: str, key: str = "") -> tuple[int, bool]:
        """The status, and whether the figure was told."""
        headers = self.headers if route.startswith("/api/") else BROWSER
        # Of the day of the figure, where it can be asked for.
        day = {"from": "2023-05-01", "to": "2023-05-01"} if route.startswith("/api/v1/entries/") else {}
        query = day if route.startswith("/api/") else {"period": "all"}
        answer = self.client.get(route.replace("{key}", key), params=query, headers=headers)
        return answer.status_code, any(spelling in answer.text for spelling in SPELLINGS)


@dataclass
class Viewers:
    owner: Actor
    other: Actor
    guest: Actor


@pytest.fixture(scope="module")
def viewers(web: WebServer) -> Iterator[Viewers]:
    with web.new_client() as owner, web.new_client() as other, web.new_client() as guest:
        tokens = [sign_in(client, register_on_page(client)["email"])["access_token"] for client in (owner, other)]
        headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
        yield Viewers(Actor(owner, headers[0]), Actor(other, headers[1]), Actor(guest, {}))


async def visited_link(database: asyncpg.Connection, owner: Actor, **fields: Any) -> str:
    key: str = create_link(owner.client, headers=owner.headers, **fields)["key"]
    await insert_hour_counts(database, key, "2023-05-01 12:00", people=FIGURE)
    return key


def test_every_route_of_statistics_has_its_cast() -> None:
    # Those of other services' APIs have tests of their own.
    paths = {route.path for route in reading_routes() if not route.path.startswith("/rest/")}

    assert {path for path in paths if {"stats", "history"} & set(path.split("/"))} == OF_AN_ENTRY | OF_ONESELF | OF_ALL


@pytest.mark.parametrize("route", sorted(OF_AN_ENTRY))
async def test_figures_of_an_entry_are_its_owners(database: asyncpg.Connection, viewers: Viewers, route: str) -> None:
    key = await visited_link(database, viewers.owner)

    assert viewers.owner.ask(route, key) == (200, True)
    assert viewers.other.ask(route, key) == (403, False)
    status, is_told = viewers.guest.ask(route, key)
    # A browser is led to where one signs in.
    assert (status, is_told) == (401 if route.startswith("/api/") else 303, False)


@pytest.mark.parametrize("route", sorted(OF_AN_ENTRY))
async def test_figures_of_a_private_entry_are_not_even_refused(
    database: asyncpg.Connection, viewers: Viewers, route: str
) -> None:
    key = await visited_link(database, viewers.owner, visibility="private")
    change = {"has_public_statistics": True}
    viewers.owner.client.patch(f"/api/v1/entries/{key}", json=change, headers=viewers.owner.headers).raise_for_status()

    assert viewers.owner.ask(route, key) == (200, True)
    assert viewers.other.ask(route, key) == viewers.guest.ask(route, key) == (404, False)


@pytest.mark.parametrize("route", sorted(OF_AN_ENTRY - {"/{key}/manage/stats"}))
async def test_figures_are_for_anyone_if_the_owner_says_so(
    database: asyncpg.Connection, viewers: Viewers, route: str
) -> None:
    key = await visited_link(database, viewers.owner)
    change = {"has_public_statistics": True}
    viewers.owner.client.patch(f"/api/v1/entries/{key}", json=change, headers=viewers.owner.headers).raise_for_status()

    assert [actor.ask(route, key) for actor in (viewers.owner, viewers.other, viewers.guest)] == [(200, True)] * 3


async def test_my_sums_are_mine_and_guests_have_none(
    database: asyncpg.Connection, web: WebServer, viewers: Viewers
) -> None:
    with web.new_client() as client:
        token = sign_in(client, register_on_page(client)["email"])["access_token"]
        mine = Actor(client, {"Authorization": f"Bearer {token}"})
        await visited_link(database, mine)

        assert mine.ask("/api/v1/stats/me") == (200, True)
    assert viewers.other.ask("/api/v1/stats/me") == (200, False)
    assert viewers.guest.ask("/api/v1/stats/me") == (401, False)


async def test_leaderboard_is_for_anyone_and_tells_of_nothing_that_is_not_public(
    database: asyncpg.Connection, viewers: Viewers
) -> None:
    for visibility in ("unlisted", "private"):
        key = await visited_link(database, viewers.owner, visibility=visibility)
        await insert_hour_counts(
            database, key, await database.fetchval("SELECT date_trunc('hour', now())"), people=FIGURE
        )

    for actor in (viewers.owner, viewers.other, viewers.guest):
        assert actor.ask("/api/v1/stats/top") == (200, False)
