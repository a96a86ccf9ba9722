"""PostgreSQL hangs, cuts connections or keeps a row: a 503 in time, never a 500, and no restart afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from tests.support.database import OUR_SESSIONS, connected, wait_for_blocked_statements
from tests.support.engines import Environment, running_engines, temporary_folder
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.frozen import frozen
from tests.support.pages import BROWSER, created_key, send_form
from tests.support.waiting import eventually_async
from tests.support.web import WebServer

HANG_SECONDS = 30


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[Environment]:
    """Engines of its own: here PostgreSQL is stopped and its connections are cut."""
    with running_engines(folder) as settings:
        yield settings


@pytest.fixture(scope="module")
def web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment) as server:
        yield server


@pytest.fixture
async def database(environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    async with connected(environment) as connection:
        yield connection


@contextmanager
def frozen_postgres(folder: Path) -> Iterator[None]:
    """The server and all its backends stand still: connections stay open and nothing comes back."""
    server = psutil.Process(int((folder / "data/postgres/postmaster.pid").read_text().split()[0]))
    with frozen(server):
        yield


def assert_everything_works(client: httpx.Client) -> None:
    for entry in (create_link(client), create_paste(client)):
        assert client.get(f"/{entry['key']}").status_code in (200, 302)
        address = f"/api/v1/entries/{entry['key']}"
        assert client.patch(address, json={"title": "New"}, headers=manage_headers(entry)).json()["title"] == "New"
        assert client.delete(address, headers=manage_headers(entry)).status_code == 204
    assert created_key(send_form(client, "/?kind=link", "/links", original_url="https://example.org/"))


def assert_is_unavailable(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert int(response.headers["retry-after"]) > 0


def assert_is_unavailable_page(page: httpx.Response) -> None:
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(page.headers["retry-after"]) > 0
    assert "responding right now" in page.text


def test_hanging_database_is_a_503_for_programs_and_browsers_until_it_goes_on(
    folder: Path, web: WebServer, client: httpx.Client
) -> None:
    cached, entry = create_link(client), create_link(client)
    shown = f"/api/v1/entries/{cached['key']}"
    client.patch(shown, json={"has_public_statistics": True}, headers=manage_headers(cached)).raise_for_status()
    assert client.get(f"/{cached['key']}").status_code == 302
    before = [client.get(shown), client.get(shown, headers=manage_headers(cached))]
    assert [answer.json()["visit_count"] for answer in before] == [0, 0]
    uncounted = {"visit_count": None, "imported_visit_count": None}
    form = {"original_url": "https://example.org/typed"}

    with frozen_postgres(folder):
        # Twice, for the second time meets no connection of the pool, but a server that takes none.
        for _ in range(2):
            assert_is_unavailable(client.post("/api/v1/links", json={"original_url": "https://example.org/"}))
            page = client.post("/links", data=form, headers=BROWSER)
            assert_is_unavailable_page(page)
            assert "https://example.org/typed" in page.text
        assert_is_unavailable(client.post("/api/v1/pastes", json={"text": "lost"}))
        address = f"/api/v1/entries/{entry['key']}"
        assert_is_unavailable(client.patch(address, json={"title": "New"}, headers=manage_headers(entry)))
        assert_is_unavailable(client.delete(address, headers=manage_headers(entry)))
        assert_is_unavailable(client.get("/unknown-key"))
        assert client.get(f"/{cached['key']}").status_code == 302, "an entry cached in Redis needs no database"
        meanwhile = [client.get(shown), client.get(shown, headers=manage_headers(cached))]
        assert [answer.status_code for answer in meanwhile] == [200, 200]
        assert [answer.json() for answer in meanwhile] == [answer.json() | uncounted for answer in before]

    assert_everything_works(client)
    assert client.get(f"/{entry['key']}").status_code == 302


def test_crowd_before_a_hanging_database_is_answered_503_in_time(folder: Path, web: WebServer) -> None:
    """More requests than the pool has connections."""

    def create(_: int) -> httpx.Response:
        with web.new_client() as visitor:
            return visitor.post("/api/v1/links", json={"original_url": "https://example.org/"})

    with ThreadPoolExecutor(30) as pool, frozen_postgres(folder):
        answers = list(pool.map(create, range(30), timeout=HANG_SECONDS))
    for answer in answers:
        assert_is_unavailable(answer)
    with web.new_client() as visitor:
        assert_everything_works(visitor)


async def test_idle_connections_that_were_cut_cause_no_500(
    web: WebServer, client: httpx.Client, database: asyncpg.Connection
) -> None:
    cut: set[int] = set()
    for _ in range(20):
        create_link(client)
        pids = {row["pid"] for row in await database.fetch(f"SELECT pid, pg_terminate_backend(pid) {OUR_SESSIONS}")}
        assert pids
        cut |= pids

        response = client.post("/api/v1/links", json={"original_url": "https://example.org/"})

        # Whether the cut is noticed before the connection is taken is a race; either answer is right.
        assert response.status_code in (201, 503), response.text
        if response.status_code == 503:
            assert_is_unavailable(response)

    async def are_gone() -> bool:
        return not await database.fetchval(f"SELECT count(*) {OUR_SESSIONS} AND pid = ANY($1)", cut)

    await eventually_async(are_gone, "the ends of all that were cut")
    assert client.get("/health/live").status_code == 200, "after it, the process has noticed them"
    assert_everything_works(client)


@pytest.mark.parametrize("is_form", [False, True])
async def test_statement_whose_connection_is_cut_is_a_503(
    web: WebServer, client: httpx.Client, database: asyncpg.Connection, is_form: bool
) -> None:
    alias = new_alias()
    fields = {"original_url": "https://example.org/", "alias": alias}

    def send() -> httpx.Response:
        if is_form:
            return client.post("/links", data=fields, headers=BROWSER)
        return client.post("/api/v1/links", json=fields)

    async with database.transaction():
        await database.execute("LOCK TABLE entry IN SHARE MODE")
        request = asyncio.create_task(asyncio.to_thread(send))
        await wait_for_blocked_statements(database)
        await database.execute(f"SELECT pg_terminate_backend(pid) {OUR_SESSIONS} AND wait_event_type = 'Lock'")
        response = await request

    (assert_is_unavailable_page if is_form else assert_is_unavailable)(response)
    assert await database.fetchval("SELECT count(*) FROM entry WHERE key = $1", alias) == 0
    assert_everything_works(client)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_row_that_another_transaction_holds_is_a_503_in_time(
    web: WebServer, client: httpx.Client, database: asyncpg.Connection, method: str
) -> None:
    link, neighbour = create_link(client), create_link(client)
    body = {"title": "New"} if method == "PATCH" else None
    address = f"/api/v1/entries/{link['key']}"

    async with database.transaction():
        await database.execute("SELECT 1 FROM entry WHERE key = $1 FOR UPDATE", link["key"])
        begun_at = time.monotonic()
        response = client.request(method, address, json=body, headers=manage_headers(link))
        assert time.monotonic() - begun_at < HANG_SECONDS
        assert_is_unavailable(response)
        changed = client.patch(
            f"/api/v1/entries/{neighbour['key']}", json={"title": "New"}, headers=manage_headers(neighbour)
        )
        assert changed.status_code == 200

    assert client.get(f"/{link['key']}").status_code == 302
    assert client.get(address).json()["title"] is None
    assert client.request(method, address, json=body, headers=manage_headers(link)).status_code in (200, 204)
