"""What moves each metric of docs/metrics.md, on a running installation."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import psutil

from tests.support.accounts import register_by_api
from tests.support.entries import create_link, create_paste
from tests.support.installation import Installation
from tests.support.key_filter import rebuild_filter
from tests.support.waiting import eventually
from tests.support.web import WebServer

Cause = Callable[[Installation], Any]


def get(path: str, *, times: int = 1, method: str = "GET") -> Cause:
    def ask(it: Installation) -> None:
        for _ in range(times):
            it.client.request(method, path)

    return ask


def follow_link(it: Installation) -> None:
    # The first may find nothing in the cache.
    for _ in range(3):
        assert it.client.get(f"/{it.link['key']}").status_code == 302


def follow_new_link(it: Installation) -> None:
    it.client.get(f"/{create_link(it.client)['key']}")


def read_raw(it: Installation) -> None:
    for _ in range(4):
        assert it.client.get(f"/{it.paste['key']}/raw").status_code == 200


def read_page(it: Installation) -> None:
    key = create_paste(it.client, text=f"print('{uuid4()}')\n", syntax="python")["key"]
    it.client.get(f"/{key}", headers={"Accept": "text/html"})


@contextmanager
def stopped_renderers(it: Installation) -> Iterator[None]:
    """Pages that are asked for while no renderer works: of each process one more than it has under way."""
    renderers = [child for process in it.web.processes for child in psutil.Process(process.pid).children()]
    for renderer in renderers:
        renderer.suspend()
    threads = [threading.Thread(target=read_page, args=(it,)) for _ in range(5)]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        for renderer in renderers:
            renderer.resume()
        for thread in threads:
            thread.join()


def read_kept_page(it: Installation) -> None:
    for _ in range(4):
        assert it.client.get(f"/{it.paste['key']}", headers={"Accept": "text/html"}).status_code == 200


def create(it: Installation) -> None:
    create_link(it.client)
    create_paste(it.client)


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
    eventually(lambda: it.read()['slipbin_part_up{part="redis"}'] == 1, "Redis")
    eventually(lambda: it.read()["slipbin_visits_waiting"] == 0, "no visit that waits")


@contextmanager
def postgres_away(it: Installation) -> Iterator[None]:
    with it.gated.postgres.refusing():
        it.client.post("/api/v1/links", json={"url": "https://example.org/"})
        yield
    eventually(lambda: it.read()['slipbin_part_up{part="database"}'] == 1, "PostgreSQL")


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
        connection = await asyncpg.connect(it.engines["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
        async with connection.transaction():
            await connection.execute("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
            await asyncio.to_thread(stopped.wait)
        await connection.close()

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


CAUSES: dict[str, tuple[Cause, tuple[str, ...]]] = {
    "a page": (
        get("/privacy", times=5),
        (
            'slipbin_http_requests_total{method="GET",route="/privacy",status="200"}',
            'slipbin_http_request_duration_seconds_count{method="GET",route="/privacy"}',
            'slipbin_http_request_duration_seconds_sum{method="GET",route="/privacy"}',
            'slipbin_process_cpu_seconds_total{role="web"}',
            'slipbin_part_check_seconds{part="database"}',
        ),
    ),
    "a static file": (
        get("/static/favicon.svg"),
        ('slipbin_http_requests_total{method="GET",route="/static",status="200"}',),
    ),
    "no such address": (
        get("/no/such/address"),
        (
            'slipbin_http_requests_total{method="GET",route="other",status="404"}',
            'slipbin_refusals_total{code="not_found"}',
        ),
    ),
    "an unknown key": (get("/never-used"), ('slipbin_address_misses_total{status="404"}',)),
    "connections": (keep_connections, ("slipbin_connections", "slipbin_descriptors_used")),
    "a redirect": (
        follow_link,
        (
            'slipbin_http_requests_total{method="GET",route="/{key}",status="302"}',
            'slipbin_fast_path_requests_total{outcome="redirect"}',
            "slipbin_fast_path_batch_size_count",
            "slipbin_fast_path_batch_size_sum",
            "slipbin_fast_path_batch_duration_seconds_count",
            "slipbin_fast_path_batch_duration_seconds_sum",
            'slipbin_cache_requests_total{outcome="hit"}',
            "slipbin_visits_recorded_total",
            "slipbin_visit_stream_length",
            "slipbin_visit_stream_oldest_age_seconds",
        ),
    ),
    "a redirect that is not cached": (
        follow_new_link,
        ('slipbin_fast_path_requests_total{outcome="fallback"}', 'slipbin_cache_requests_total{outcome="miss"}'),
    ),
    "a text": (
        read_raw,
        (
            'slipbin_fast_path_requests_total{outcome="text"}',
            'slipbin_http_requests_total{method="GET",route="/{key}/raw",status="200"}',
        ),
    ),
    "a page with colours": (
        read_page,
        (
            'slipbin_render_jobs_total{outcome="done"}',
            "slipbin_render_duration_seconds_count",
            "slipbin_render_duration_seconds_sum",
        ),
    ),
    "pages that wait for colours": (stopped_renderers, ("slipbin_render_waiting",)),
    "another renderer": (another_process, ("slipbin_render_starts_total",)),
    "a kept page": (
        read_kept_page,
        (
            'slipbin_fast_path_requests_total{outcome="page"}',
            'slipbin_http_requests_total{method="GET",route="/{key}",status="200"}',
        ),
    ),
    "creates": (
        create,
        (
            'slipbin_entries_created_total{creator="guest",kind="link"}',
            'slipbin_entries_created_total{creator="guest",kind="paste"}',
            "slipbin_key_filter_fill_ratio",
            'slipbin_part_call_duration_seconds_count{part="redis"}',
            'slipbin_part_call_duration_seconds_count{part="database"}',
            'slipbin_part_call_duration_seconds_count{part="text_store"}',
        ),
    ),
    "an empty pool": (empty_the_pool, ("slipbin_keys_drawn_total",)),
    "a ready key": (
        lambda it: it.valkey.sadd("keys:paste", uuid4().hex[:11]),
        ('slipbin_pool_keys{kind="paste"}',),
    ),
    "a filled pool": (
        fill_the_pool,
        (
            'slipbin_pool_keys_added_total{kind="link"}',
            'slipbin_task_runs_total{outcome="success",task="keygen_service.top_up"}',
            'slipbin_task_last_success_timestamp_seconds{task="keygen_service.top_up"}',
        ),
    ),
    "a run of a task": (
        ingest,
        (
            "slipbin_visits_ingested_total",
            'slipbin_task_runs_total{outcome="success",task="main_service.ingest_visits"}',
            'slipbin_task_duration_seconds_count{task="main_service.ingest_visits"}',
            'slipbin_task_last_success_timestamp_seconds{task="main_service.ingest_visits"}',
        ),
    ),
    "a task that waits": (
        lambda it: it.send("main_service.clean_up", "main_service.slow"),
        ('slipbin_queue_length{queue="main_service.slow"}',),
    ),
    "a dead letter": (lambda it: it.valkey.xadd("visits:{0}:poison", {"v": "x"}), ("slipbin_visit_dead_letters",)),
    "an email": (send_email, ("slipbin_emails_sent_total",)),
    "rows that wait": (
        insert_rows,
        (
            'slipbin_emails{state="waiting"}',
            'slipbin_emails{state="failed"}',
            "slipbin_stale_keys",
            "slipbin_texts_due",
        ),
    ),
    "no Valkey": (
        valkey_away,
        (
            'slipbin_part_up{part="redis"}',
            'slipbin_part_failures_total{part="redis"}',
            "slipbin_visits_waiting",
            "slipbin_visits_dropped_total",
        ),
    ),
    "no PostgreSQL": (
        postgres_away,
        ('slipbin_part_up{part="database"}', 'slipbin_part_failures_total{part="database"}'),
    ),
    "no store of texts": (
        texts_away,
        ('slipbin_part_up{part="text_store"}', 'slipbin_part_failures_total{part="text_store"}'),
    ),
    "locked rows": (
        locked_entries,
        ('slipbin_database_pool_connections{state="in_use"}', "slipbin_database_pool_waiting"),
    ),
    "a complete filter": (lambda it: asyncio.run(rebuild_filter(it.engines)), ("slipbin_key_filter_complete",)),
    "another certificate": (
        lambda it: it.tls.renew(timedelta(days=50)),
        ("slipbin_certificate_expiry_timestamp_seconds",),
    ),
    "another process": (
        another_process,
        (
            'slipbin_processes{role="web"}',
            'slipbin_process_resident_memory_bytes{role="web"}',
            'slipbin_process_open_fds{role="web"}',
            'slipbin_process_start_time_seconds{role="web"}',
        ),
    ),
    "another schema": (another_schema, ("slipbin_schema_info",)),
}
"""What moves which samples. A cause that is a context manager lasts until they have moved."""

SAMPLES = [sample for _, samples in CAUSES.values() for sample in samples]
