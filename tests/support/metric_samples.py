"""Which samples of /metrics move, and what moves them."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from tests.support.key_filter import rebuild_filter
from tests.support.metric_causes import (
    Cause,
    another_process,
    another_schema,
    create,
    create_without_language,
    empty_the_pool,
    fill_the_pool,
    follow_link,
    follow_new_link,
    get,
    ingest,
    insert_rows,
    keep_connections,
    killed_renderers,
    locked_emails,
    locked_entries,
    postgres_away,
    read_kept_page,
    read_page,
    read_raw,
    send_email,
    stopped_renderers,
    table_that_is_missing,
    texts_away,
    texts_that_cant_be_deleted,
    valkey_away,
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
    "a paste without a language": (
        create_without_language,
        ('slipbin_language_detections_total{outcome="found"}',),
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
    "renderers that are killed": (killed_renderers, ("slipbin_render_ends_total",)),
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
    "a task that finds a part away": (
        texts_that_cant_be_deleted,
        ('slipbin_task_runs_total{outcome="put_off",task="main_service.delete_bodies"}',),
    ),
    "a task that meets a bug": (
        table_that_is_missing,
        ('slipbin_task_runs_total{outcome="failure",task="main_service.heal_copies"}',),
    ),
    "a task that is not over when it is due again": (
        locked_emails,
        ('slipbin_task_runs_total{outcome="skipped",task="main_service.send_mail"}',),
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
