"""What moves each metric of docs/metrics.md, on a running installation."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import psutil

from tests.support.accounts import register_by_api
from tests.support.database import connected
from tests.support.entries import create_link, create_paste
from tests.support.installation import Installation
from tests.support.waiting import eventually
from tests.support.web import WebServer

Cause = Callable[[Installation], Any]


def get(path: str, *, times: int = 1, method: str = "GET") -> Cause:
    def ask(it: Installation) -> None:
        for _ in range(times):
            it.client.request(method, path)

    return ask


VISITS = 3
"""How many `follow_link` makes. The first may find nothing in the cache."""


def follow_link(it: Installation) -> None:
    for _ in range(VISITS):
        assert it.client.get(f"/{it.link['key']}").status_code == 302


def follow_new_link(it: Installation) -> None:
    it.client.get(f"/{create_link(it.client)['key']}")


def read_raw(it: Installation) -> None:
    for _ in range(4):
        assert it.client.get(f"/{it.paste['key']}/raw").status_code == 200


def read_page(it: Installation, lines: int = 1) -> None:
    key = create_paste(it.client, text=f"print('{uuid4()}')\n" * lines, syntax="python")["key"]
    it.client.get(f"/{key}", headers={"Accept": "text/html"})


def create_without_language(it: Installation) -> None:
    create_paste(it.client, text='{"name": "value"}\n')


@contextmanager
def stopped_renderers(it: Installation) -> Iterator[None]:
    """Pages that are asked for while no renderer works: of each process one more than it has under way. Their texts are
    too long for a second renderer."""
    renderers = [child for process in it.web.processes for child in psutil.Process(process.pid).children()]
    for renderer in renderers:
        # As in `killed_renderers`.
        with suppress(psutil.NoSuchProcess):
            renderer.suspend()
    threads = [threading.Thread(target=read_page, args=(it, 8_000)) for _ in range(5)]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        for renderer in renderers:
            with suppress(psutil.NoSuchProcess):
                renderer.resume()
        for thread in threads:
            thread.join()


def killed_renderers(it: Installation) -> None:
    """Kill them, and wait until each process has another that works: pages of other causes need it."""
    count = len(it.web.processes)
    eventually(lambda: _renderer_starts(it) >= count, "a renderer of each process that works")
    killed, before = eventually(lambda: _renderers(it), "a renderer of each process"), _renderer_starts(it)
    for renderer in killed:
        # One may end by itself, such as the child that looks for languages when it has had no text for a while.
        with suppress(psutil.NoSuchProcess):
            renderer.kill()
    eventually(lambda: _renderer_starts(it) >= before + count, "other renderers")


def _renderer_starts(it: Installation) -> float:
    return it.read()["slipbin_render_starts_total"]


def _renderers(it: Installation) -> list[psutil.Process]:
    """The renderers of all web processes; empty while one of these has none."""
    children = [list(filter(_runs, psutil.Process(process.pid).children())) for process in it.web.processes]
    return [child for each in children for child in each] if all(children) else []


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def read_kept_page(it: Installation) -> None:
    for _ in range(4):
        assert it.client.get(f"/{it.paste['key']}", headers={"Accept": "text/html"}).status_code == 200


def create(it: Installation) -> None:
    """Until the filter has new keys: of those that are created while Redis is slow it is told later."""
    before = _filter_fill(it)

    def has_grown() -> bool:
        create_link(it.client)
        create_paste(it.client)
        return _filter_fill(it) != before

    eventually(has_grown, "new keys in the filter")


def _filter_fill(it: Installation) -> float | None:
    return it.read().get("slipbin_key_filter_fill_ratio")


def empty_the_pool(it: Installation) -> None:
    it.valkey.delete("keys:link")
    for _ in range(2 * 64 + 1):
        create_link(it.client)


def fill_the_pool(it: Installation) -> None:
    it.valkey.delete("keys:link", "keys:paste")
    it.send("keygen_service.top_up", "keygen_service")


def ingest(it: Installation) -> None:
    follow_link(it)
    it.send("main_service.ingest_visits", "main_service")


def send_email(it: Installation) -> None:
    register_by_api(it.client)
    it.send("main_service.send_mail", "main_service")


def keep_connections(it: Installation) -> None:
    for _ in range(4):
        it.kept.append(it.web.new_client())
        it.kept[-1].get("/health/live")


@contextmanager
def another_process(it: Installation) -> Iterator[None]:
    with WebServer(it.environment):
        yield


@contextmanager
def valkey_away(it: Installation) -> Iterator[None]:
    with it.gated.valkey.refusing():
        for _ in range(12):
            it.client.get(f"/{it.link['key']}")
        yield
    eventually(lambda: it.read().get('slipbin_part_up{part="redis"}') == 1, "Redis")
    eventually(lambda: it.read()["slipbin_visits_waiting"] == 0, "no visit that waits")


@contextmanager
def postgres_away(it: Installation) -> Iterator[None]:
    with it.gated.postgres.refusing():
        it.client.post("/api/v1/links", json={"url": "https://example.org/"})
        yield
    eventually(lambda: it.read().get('slipbin_part_up{part="database"}') == 1, "PostgreSQL")


@contextmanager
def texts_away(it: Installation) -> Iterator[None]:
    aside = it.texts.with_name("aside")
    it.texts.rename(aside)
    try:
        it.client.post("/api/v1/pastes", json={"text": "x"})
        yield
    finally:
        aside.rename(it.texts)


@contextmanager
def locked_entries(it: Installation) -> Iterator[None]:
    """Requests that hold all connections to PostgreSQL, and more that wait for one."""
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.is_set():
            with it.web.new_client() as client:
                client.get(f"/{uuid4().hex[:9]}")

    async def lock() -> None:
        async with connected(it.engines) as connection, connection.transaction():
            await connection.execute("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
            await asyncio.to_thread(stopped.wait)

    # So that unknown keys are looked for in PostgreSQL.
    it.valkey.delete("known:{0}")
    threads = [threading.Thread(target=asyncio.run, args=(lock(),)), *(threading.Thread(target=ask) for _ in range(8))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


@contextmanager
def locked_emails(it: Installation) -> Iterator[None]:
    """A task that does not end, and the next round of it."""
    stopped, locked = threading.Event(), threading.Event()

    async def lock() -> None:
        async with connected(it.engines) as connection, connection.transaction():
            await connection.execute("LOCK TABLE mail IN ACCESS EXCLUSIVE MODE")
            locked.set()
            await asyncio.to_thread(stopped.wait)

    thread = threading.Thread(target=asyncio.run, args=(lock(),))
    thread.start()
    try:
        assert locked.wait(60)
        for _ in range(2):
            it.send("main_service.send_mail", "main_service")
        yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def texts_that_cant_be_deleted(it: Installation) -> Iterator[None]:
    it.sql("INSERT INTO body_to_delete (body_id, due_at) VALUES (gen_random_uuid(), now() - interval '1 hour')")
    with texts_away(it):
        it.send("main_service.delete_bodies", "main_service")
        yield


@contextmanager
def table_that_is_missing(it: Installation) -> Iterator[None]:
    it.sql("ALTER TABLE stale_key RENAME TO stale_key_elsewhere")
    try:
        it.send("main_service.heal_copies", "main_service")
        yield
    finally:
        it.sql("ALTER TABLE stale_key_elsewhere RENAME TO stale_key")


@contextmanager
def another_schema(it: Installation) -> Iterator[None]:
    it.sql("UPDATE alembic_version SET version_num = version_num || 'x'")
    try:
        yield
    finally:
        it.sql("UPDATE alembic_version SET version_num = rtrim(version_num, 'x')")


def insert_rows(it: Installation) -> None:
    columns = """cause, recipient, letter, "values", """
    values = "gen_random_uuid()::text, 'ada@example.org', 'confirm', '{}', "
    mail = f"INSERT INTO mail ({columns} %s) VALUES ({values} %s)"
    it.sql(
        mail % ("due_at", "now() + interval '1 day'"),
        mail % ("failed_at", "now()"),
        "INSERT INTO stale_key (key) VALUES ('never-used')",
        "INSERT INTO body_to_delete (body_id) VALUES (gen_random_uuid())",
    )
