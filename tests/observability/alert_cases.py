"""When each alert fires and when not: series of figures, one value a minute from the first, as promtool writes them."""

from dataclasses import dataclass

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """`fires`, `quiet`: figures with which an alert fires, and close ones with which it does not, after `minutes`.

    `fires_too`: figures with which it fires for another reason.
    """

    fires: Series
    quiet: Series
    minutes: int
    fires_too: Series | None = None


def requests(*, failed: int, well: int) -> Series:
    """Counters of requests. `failed`, `well`: how many in each minute."""
    return {
        'slipbin_http_requests_total{route="/{key}",method="GET",status="503"}': f"0+{failed}x30",
        'slipbin_http_requests_total{route="/{key}",method="GET",status="302"}': f"0+{well}x30",
        # What the service has not, it says so.
        'slipbin_http_requests_total{route="/rest/v3/mercure-info",method="GET",status="501"}': "0+60x30",
    }


def durations(name: str, *, slow: int, labels: str = "") -> Series:
    """A histogram of 100 durations in each minute, of which `slow` took longer than 1 s and at most 2.5 s."""
    comma = "," if labels else ""
    return {
        f'{name}_bucket{{{labels}{comma}le="0.1"}}': f"0+{100 - slow}x30",
        f'{name}_bucket{{{labels}{comma}le="1"}}': f"0+{100 - slow}x30",
        f'{name}_bucket{{{labels}{comma}le="2.5"}}': "0+100x30",
        f'{name}_bucket{{{labels}{comma}le="+Inf"}}': "0+100x30",
    }


SERVICES = ("main", "main-worker", "main-slow", "main-beat", "keygen-worker", "keygen-beat")


def services(*, missing: str = "", down: str = "") -> Series:
    return {
        f'up{{job="slipbin",service="{name}",instance="{name}"}}': f"{int(name != down)}x30"
        for name in SERVICES
        if name != missing
    }


def tasks(*, every: int, last: str) -> Series:
    """A task of main_service, and one of keygen_service that is well."""
    return {
        'slipbin_task_interval_seconds{task="main_service.ingest"}': f"{every}x120",
        'slipbin_task_last_success_timestamp_seconds{task="main_service.ingest"}': last,
        'slipbin_task_interval_seconds{task="main_service.other"}': "60x120",
        'slipbin_task_last_success_timestamp_seconds{task="main_service.other"}': "0+60x120",
        'slipbin_task_interval_seconds{task="keygen_service.top_up"}': "10x120",
        'slipbin_task_last_success_timestamp_seconds{task="keygen_service.top_up"}': "0+60x120",
    }


def disk(*, free: int) -> Series:
    """Gauges of a disk of 100 bytes. `free`: how many of them are free."""
    return {
        'slipbin_disk_free_bytes{place="texts"}': f"{free}x30",
        'slipbin_disk_size_bytes{place="texts"}': "100x30",
        'slipbin_disk_free_bytes{place="root"}': "50x30",
        'slipbin_disk_size_bytes{place="root"}': "100x30",
    }


def inodes(*, free: int, size: int = 100_000) -> Series:
    return {
        'slipbin_disk_free_files{place="texts"}': f"{free}x30",
        'slipbin_disk_files{place="texts"}': f"{size}x30",
        'slipbin_disk_free_files{place="root"}': "50000x30",
        'slipbin_disk_files{place="root"}': "100000x30",
    }


def memory(*, used: int) -> Series:
    labels = 'project="slipbin",service="main"'
    return {
        f"container_memory_working_set_bytes{{{labels}}}": f"{used}x30",
        f"container_spec_memory_limit_bytes{{{labels}}}": "100x30",
        # No limit, and no service: the machine itself.
        'container_memory_working_set_bytes{id="/"}': "99x30",
        'container_spec_memory_limit_bytes{id="/"}': "0x30",
    }


DAY = 86400

CASES: dict[str, Case] = {
    "ServerErrors": Case(requests(failed=30, well=600), requests(failed=10, well=600), 10),
    "SlowRequests": Case(
        durations("slipbin_http_request_duration_seconds", slow=10),
        durations("slipbin_http_request_duration_seconds", slow=4),
        20,
    ),
    "SlowRedirects": Case(
        durations("slipbin_fast_path_batch_duration_seconds", slow=2),
        durations("slipbin_fast_path_batch_duration_seconds", slow=0),
        20,
    ),
    "PartDown": Case(
        {'slipbin_part_up{part="redis",service="main"}': "1 0x10"},
        {'slipbin_part_up{part="redis",service="main"}': "1 0 1x10"},
        5,
    ),
    "ServiceMissing": Case(services(missing="main-beat"), services(), 5),
    "WebProcessHangs": Case(
        services() | {'slipbin_part_up{part="redis",instance="another"}': "1x30"},
        services() | {'slipbin_part_up{part="redis",instance="main"}': "0x30"},
        5,
    ),
    "TargetDown": Case(services(down="main-slow"), services(), 5),
    "ProcessRestarting": Case(
        {'slipbin_process_start_time_seconds{role="web"}': "0 60 120 180 240x30"},
        {'slipbin_process_start_time_seconds{role="web"}': "0 60 120 180x30"},
        10,
    ),
    "RendererDying": Case({"slipbin_render_ends_total": "7+1x30"}, {"slipbin_render_ends_total": "7+1x5 12x25"}, 20),
    "SchemaDiffers": Case(
        {'slipbin_schema_info{revision="0001",expected="0002"}': "1x30"},
        {'slipbin_schema_info{revision="0002",expected="0002"}': "1x30"},
        12,
    ),
    "KeyPoolLow": Case(
        {'slipbin_pool_keys{kind="link"}': "19x30", 'slipbin_pool_capacity{kind="link",service="keygen"}': "100x30"},
        {'slipbin_pool_keys{kind="link"}': "21x30", 'slipbin_pool_capacity{kind="link",service="keygen"}': "100x30"},
        7,
    ),
    "KeyFilterIncomplete": Case(
        {"slipbin_key_filter_complete": "0x30"}, {"slipbin_key_filter_complete": "0x10 1x20"}, 20
    ),
    "VisitStreamLagging": Case(
        {"slipbin_visit_stream_oldest_age_seconds": "130x30"}, {"slipbin_visit_stream_oldest_age_seconds": "110x30"}, 5
    ),
    "VisitDeadLetters": Case({"slipbin_visit_dead_letters": "1x30"}, {"slipbin_visit_dead_letters": "0x30"}, 1),
    "VisitsWaiting": Case({"slipbin_visits_waiting": "3x30"}, {"slipbin_visits_waiting": "3 0 3 0 3 0"}, 4),
    "VisitsDropped": Case({"slipbin_visits_dropped_total": "0 0 5x5"}, {"slipbin_visits_dropped_total": "5x30"}, 3),
    "SchedulerSilent": Case(
        {
            'slipbin_task_last_success_timestamp_seconds{task="keygen_service.top_up"}': "60x30",
            'slipbin_task_last_success_timestamp_seconds{task="main_service.other"}': "0+60x30",
        },
        {
            'slipbin_task_last_success_timestamp_seconds{task="keygen_service.slow"}': "60x30",
            'slipbin_task_last_success_timestamp_seconds{task="keygen_service.top_up"}': "0+60x30",
        },
        10,
    ),
    "TaskSilent": Case(tasks(every=60, last="60x30"), tasks(every=600, last="60x30"), 15),
    "TaskFailing": Case(
        {'slipbin_task_runs_total{task="main_service.ingest",outcome="failure"}': "0 0 2x10"},
        {
            'slipbin_task_runs_total{task="main_service.ingest",outcome="failure"}': "2x10",
            'slipbin_task_runs_total{task="main_service.ingest",outcome="put_off"}': "0+5x10",
        },
        4,
    ),
    "QueueLong": Case(
        {'slipbin_queue_length{queue="main_service"}': "101x30"},
        {'slipbin_queue_length{queue="main_service"}': "99x30"},
        12,
    ),
    "EmailsFailing": Case(
        {'slipbin_emails{state="failed"}': "4 4 5x60"}, {'slipbin_emails{state="failed"}': "4x60"}, 5
    ),
    "EmailsStuck": Case(
        {'slipbin_emails{state="waiting"}': "2x60", "slipbin_emails_sent_total": "7x60"},
        {'slipbin_emails{state="waiting"}': "2x60", "slipbin_emails_sent_total": "7+1x60"},
        40,
    ),
    "CacheChangesWaiting": Case({"slipbin_stale_keys": "1x30"}, {"slipbin_stale_keys": "1x5 0 1x20"}, 12),
    "TextsNotDeleted": Case({"slipbin_texts_due": "5+1x180"}, {"slipbin_texts_due": "500-2x180"}, 150),
    "DiskFilling": Case(disk(free=9), disk(free=11), 12),
    "DiskFull": Case(disk(free=2), disk(free=4), 4),
    "InodesFilling": Case(inodes(free=9_000), inodes(free=11_000), 12),
    # Few, and a small part of many; few, but a large part of a small disk.
    "InodesFull": Case(inodes(free=2_000), inodes(free=1_100, size=2_000), 4, fires_too=inodes(free=900, size=2_000)),
    "CertificateEnding": Case(
        {"slipbin_certificate_expiry_timestamp_seconds": f"{13 * DAY}x30"},
        {"slipbin_certificate_expiry_timestamp_seconds": f"{15 * DAY}x30"},
        12,
    ),
    "CertificateEnded": Case(
        {"slipbin_certificate_expiry_timestamp_seconds": f"{1 * DAY}x30"},
        {"slipbin_certificate_expiry_timestamp_seconds": f"{3 * DAY}x30"},
        1,
    ),
    "MemoryHigh": Case(memory(used=95), memory(used=85), 12),
    "KilledForMemory": Case(
        {'container_oom_events_total{service="main-slow",project="slipbin"}': "0 0 1x10"},
        {'container_oom_events_total{service="main-slow",project="slipbin"}': "1x10"},
        4,
    ),
    "FilesNearlyExhausted": Case(
        {"slipbin_descriptors_used": "81x30", "slipbin_descriptors_allowed": "100x30"},
        {"slipbin_descriptors_used": "79x30", "slipbin_descriptors_allowed": "100x30"},
        7,
    ),
    "ConnectionsWaitedFor": Case(
        {"slipbin_database_pool_waiting": "1x30"}, {"slipbin_database_pool_waiting": "1 0 1 0 1 0 1 0 1 0"}, 7
    ),
    "PostgresConnectionsHigh": Case(
        {
            'pg_stat_activity_count{datname="slipbin",state="idle"}': "60x30",
            'pg_stat_activity_count{datname="slipbin",state="active"}': "25x30",
            "pg_settings_max_connections": "100x30",
        },
        {'pg_stat_activity_count{datname="slipbin",state="idle"}': "75x30", "pg_settings_max_connections": "100x30"},
        7,
    ),
    "ValkeyMemoryHigh": Case(
        {"redis_memory_used_bytes": "90x30", "redis_memory_max_bytes": "100x30"},
        {"redis_memory_used_bytes": "90x30", "redis_memory_max_bytes": "0x30"},
        7,
    ),
    "EngineHidden": Case(
        {'redis_up{job="valkey"}': "0x30", 'pg_up{job="postgres"}': "1x30"},
        {'redis_up{job="valkey"}': "1x30", 'pg_up{job="postgres"}': "1x30"},
        5,
    ),
}
