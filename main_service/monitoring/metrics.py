"""The metrics that processes count as things happen. Those that are read at a scrape are in `scraped`.

Names follow Prometheus: a base unit at the end, `_total` for counters (which the library adds), bounded label values.
Help texts are short: each is written into a file with every series.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

registry = CollectorRegistry()
# Otherwise a process that shares no folder exports when each counter was created, and those that share one don't.
disable_created_metrics()  # type: ignore[no-untyped-call]

HTTP_REQUESTS = Counter(
    "slipbin_http_requests",
    "Requests answered, those on the fast path too. Route none: refused before the app saw them.",
    ["route", "method", "status"],
    registry=registry,
)
HTTP_DURATION = Histogram(
    "slipbin_http_request_duration_seconds",
    "From the head of a request to the start of its answer, by FastAPI; the fast path is apart.",
    ["route", "method"],
    buckets=(0.005, 0.025, 0.1, 0.5, 1, 2.5, 10),
    registry=registry,
)
REFUSALS = Counter(
    "slipbin_refusals", "Expected failures answered, by the code in their problem+json.", ["code"], registry=registry
)
CONNECTIONS = Gauge("slipbin_connections", "Open client connections.", multiprocess_mode="livesum", registry=registry)
FAST_PATH_REQUESTS = Counter(
    "slipbin_fast_path_requests",
    "Reads that joined a batch: answered as redirect, text or page, or passed to FastAPI (fallback).",
    ["outcome"],
    registry=registry,
)
FAST_PATH_BATCH_SIZE = Histogram(
    "slipbin_fast_path_batch_size",
    "Reads in a batch of the fast path.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
    registry=registry,
)
FAST_PATH_BATCH_DURATION = Histogram(
    "slipbin_fast_path_batch_duration_seconds",
    "From sending a batch to Redis until its reply, or until it was given up.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 2.5),
    registry=registry,
)

ENTRIES_CREATED = Counter(
    "slipbin_entries_created",
    "Entries created: kind link or paste, by a guest or user.",
    ["kind", "creator"],
    registry=registry,
)
LANGUAGE_DETECTIONS = Counter(
    "slipbin_language_detections",
    "Pastes looked at for their language: found, nothing, failed; refused: too many were waiting.",
    ["outcome"],
    registry=registry,
)
CACHE_REQUESTS = Counter(
    "slipbin_cache_requests",
    "Entries looked for in the cache in Redis, also by the fast path: hit or miss.",
    ["outcome"],
    registry=registry,
)
MISSES = Counter(
    "slipbin_address_misses",
    "Requests for an entry that never existed (404, or 429 over the limit) or has ended (410).",
    ["status"],
    registry=registry,
)
KEYS_DRAWN = Counter(
    "slipbin_keys_drawn", "Keys that web processes generated because the pool was empty.", registry=registry
)

RENDER_JOBS = Counter(
    "slipbin_render_jobs",
    "Texts for the renderer: done, failed (shown plain from then on), killed (at a limit, or from outside), refused.",
    ["outcome"],
    registry=registry,
)
RENDER_DURATION = Histogram(
    "slipbin_render_duration_seconds",
    "Time that a job took in the renderer, once it was its turn.",
    buckets=(0.005, 0.025, 0.1, 0.5, 1, 2.5, 10),
    registry=registry,
)
RENDER_WAITING = Gauge(
    "slipbin_render_waiting", "Jobs that wait for the renderer.", multiprocess_mode="livesum", registry=registry
)
RENDER_STARTS = Counter("slipbin_render_starts", "Starts of the renderer.", registry=registry)
RENDER_ENDS = Counter(
    "slipbin_render_ends",
    "Renderers that died, were killed (at a limit, or from outside) or could not start.",
    registry=registry,
)

VISITS_RECORDED = Counter("slipbin_visits_recorded", "Visits written to Redis.", registry=registry)
VISITS_DROPPED = Counter(
    "slipbin_visits_dropped", "Visits lost because Redis was down and too many were waiting.", registry=registry
)
VISITS_WAITING = Gauge(
    "slipbin_visits_waiting",
    "Visits waiting in web processes because Redis is down.",
    multiprocess_mode="livesum",
    registry=registry,
)
VISITS_INGESTED = Counter("slipbin_visits_ingested", "Visits brought from the stream to PostgreSQL.", registry=registry)

TASK_RUNS = Counter(
    "slipbin_task_runs",
    "Runs of a task: success, failure (a bug), put_off (a part was away), skipped (the run before was still going).",
    ["task", "outcome"],
    registry=registry,
)
TASK_DURATION = Histogram(
    "slipbin_task_duration_seconds",
    "Time that a run of a task took.",
    ["task"],
    buckets=(0.1, 0.5, 2, 10, 60, 300),
    registry=registry,
)
TASK_INTERVAL = Gauge(
    "slipbin_task_interval_seconds",
    "How often the task should run.",
    ["task"],
    multiprocess_mode="livemax",
    registry=registry,
)
EMAILS_SENT = Counter("slipbin_emails_sent", "Emails that the mail server took.", registry=registry)

PART_FAILURES = Counter(
    "slipbin_part_failures",
    "Calls of a part (database, redis, text_store) that failed because it was away, hung or refused.",
    ["part"],
    registry=registry,
)
PART_CALL_DURATION = Histogram(
    "slipbin_part_call_duration_seconds",
    "Time that a call of a part took: a statement or commit, a command or script, a request to the store.",
    ["part"],
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 2.5),
    registry=registry,
)
POOL_CONNECTIONS = Gauge(
    "slipbin_database_pool_connections",
    "Connections to PostgreSQL of web processes: in_use or idle.",
    ["state"],
    multiprocess_mode="livesum",
    registry=registry,
)
POOL_WAITING = Gauge(
    "slipbin_database_pool_waiting",
    "Requests that wait for a connection to PostgreSQL.",
    multiprocess_mode="livesum",
    registry=registry,
)
PROCESS_CPU = Counter(
    "slipbin_process_cpu_seconds", "Processor time used by processes of a role.", ["role"], registry=registry
)

KINDS = ("link", "paste")
CREATORS = ("guest", "user")
TASK_OUTCOMES = ("success", "failure", "put_off", "skipped")
PARTS = ("database", "redis", "text_store")

# Exported as 0 before the first event, so that Prometheus sees the increase.
for _status in ("404", "410", "429"):
    MISSES.labels(_status)
for _kind in KINDS:
    for _creator in CREATORS:
        ENTRIES_CREATED.labels(_kind, _creator)
for _outcome in ("redirect", "text", "page", "fallback"):
    FAST_PATH_REQUESTS.labels(_outcome)
for _outcome in ("found", "nothing", "failed", "refused"):
    LANGUAGE_DETECTIONS.labels(_outcome)
for _outcome in ("hit", "miss"):
    CACHE_REQUESTS.labels(_outcome)
for _outcome in ("done", "failed", "killed", "refused"):
    RENDER_JOBS.labels(_outcome)
for _part in PARTS:
    PART_FAILURES.labels(_part)
