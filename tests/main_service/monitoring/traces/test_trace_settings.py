"""What OTEL_* variables choose: off, on, how much, and where to; and a collector that is away delays no request."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.support.accounts import new_superuser
from tests.support.engines import REPOSITORY, START_SECONDS, Environment, full
from tests.support.entries import create_link
from tests.support.gates import Gated
from tests.support.otlp_receiver import ERROR, ReceivedSpan, Receiver, otlp_receiver
from tests.support.ports import reserved_port
from tests.support.raw_http import LoggedWebServer
from tests.support.serve_workers import END_SECONDS, WebProcesses
from tests.support.tracing import PROXY, traces_to
from tests.support.waiting import eventually

ONLY_WHEN_ON = (
    *("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.instrumentation", "opentelemetry.proto"),
    *("google.protobuf", "wrapt", "main_service.monitoring.trace_pipeline", "main_service.monitoring.request_spans"),
)
PRINT_MODULES = "import json, sys; print(json.dumps([name for name in sys.modules]))"
START_WORKER = (
    "from celery.signals import celeryd_init; celeryd_init.send(sender='it', options={'queues': ['main_service']})"
)
PROGRAMS = {
    "web": (
        "from main_service.monitoring import tracing; tracing.start('slipbin-web');"
        "from main_service.app import create_app; import main_service.fast_path.traced; create_app()"
    ),
    "worker": f"import main_service.worker; {START_WORKER}",
    "keygen": f"import keygen_service.worker; {START_WORKER}",
}


def loaded_modules(program: str, environment: Environment) -> set[str]:
    """The modules that a new process has loaded when it is about to serve."""
    done = subprocess.run(
        [sys.executable, "-c", f"{PROGRAMS[program]}; {PRINT_MODULES}"],
        env=full(environment),
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        timeout=START_SECONDS,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("off", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}], ids=["not set", "empty"])
def test_nothing_of_the_sdk_is_loaded_while_traces_are_off(
    environment: Environment, program: str, off: Environment
) -> None:
    loaded = loaded_modules(program, environment | off)

    assert [name for name in loaded if name.startswith(ONLY_WHEN_ON)] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_sdk_is_loaded_while_traces_are_on(environment: Environment, program: str) -> None:
    """Else the test above would look for the wrong names."""
    loaded = loaded_modules(program, environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})

    assert {"opentelemetry.sdk.trace", "google.protobuf", "wrapt"} <= loaded


@pytest.mark.parametrize("program", ["worker", "keygen"])
def test_file_switches_them_on_too(environment: Environment, program: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1\nOTEL_TRACES_SAMPLER=\n")

    assert "opentelemetry.sdk.trace" in loaded_modules(program, environment | {"SLIPBIN_ENV_FILE": str(file)})


def test_problem_names_no_trace_while_traces_are_off(client: httpx.Client) -> None:
    assert "trace_id" not in client.get("/api/v1/entries/not-there").json()


@pytest.fixture(scope="module")
def gated_traced_web(gated: Gated, trace_receiver: Receiver) -> Iterator[LoggedWebServer]:
    """All it does is traced, and its engines may be away."""
    with LoggedWebServer(gated.environment | traces_to(trace_receiver)) as web:
        yield web


@pytest.fixture(scope="module")
def unsampled_web(environment: Environment, trace_receiver: Receiver) -> Iterator[LoggedWebServer]:
    """It samples only what a trusted proxy says, under a name and with a header of the operator's."""
    settings = {
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        "OTEL_SERVICE_NAME": "operators-name",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=tests",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=operators-tenant",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        # Empty counts as not set.
        "OTEL_BSP_MAX_QUEUE_SIZE": "",
    }
    with LoggedWebServer(environment | traces_to(trace_receiver, **settings)) as web:
        yield web


async def test_only_what_is_sampled_is_sent_but_all_has_an_id(
    unsampled_web: LoggedWebServer, trace_receiver: Receiver, database: asyncpg.Connection
) -> None:
    client = unsampled_web.client
    claimed = {"traceparent": f"00-{uuid4().hex}-00f067aa0ba902b7-01"}
    key = create_link(client, headers=claimed)["key"]
    superuser = await new_superuser(client, database)
    for _ in range(3):
        assert client.get(f"/{key}", headers=claimed).status_code == 302
    answer = client.get("/api/v1/entries/not-there", headers=claimed)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["trace_id"])
    ordered = client.post("/api/v1/admin/cleanup", headers=superuser.headers).json()
    sampled = uuid4().hex
    with httpx.Client(
        base_url=unsampled_web.address, transport=httpx.HTTPTransport(local_address=PROXY), timeout=30
    ) as proxy:
        proxy.get(f"/{key}", headers={"traceparent": f"00-{sampled}-00f067aa0ba902b7-01"})

    trace_receiver.wait_for_span("GET /{key}", service="operators-name", trace_id=sampled)

    assert {span.trace_id for span in trace_receiver.find(service="operators-name")} == {sampled}
    parent = await database.fetchval("SELECT trace_parent FROM admin_task WHERE id = $1::uuid", ordered["id"])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", parent)
    assert any(headers.get("x-tenant") == "operators-tenant" for headers in trace_receiver.headers)
    assert b"deployment.environment.name" in b"".join(trace_receiver.bodies)


def test_shared_insert_and_its_requests_link_to_each_other(
    gated_traced_web: LoggedWebServer, trace_receiver: Receiver
) -> None:
    def shared_inserts() -> list[ReceivedSpan]:
        return [it for it in trace_receiver.find(name="insert entries") if len(it.links) > 1]

    def creates_that_are_seen() -> int:
        # Earlier tests' creates come from a server of another name, or of this one.
        return len(trace_receiver.find(service="slipbin-web", name="POST /api/v1/links"))

    clients = [gated_traced_web.new_client() for _ in range(8)]
    made = creates_that_are_seen()
    with ThreadPoolExecutor(len(clients)) as threads:
        while not shared_inserts():
            list(threads.map(create_link, clients))
            made += len(clients)
            eventually(lambda: creates_that_are_seen() == made, "all creates")  # noqa: B023
    for client in clients:
        client.close()

    batch = shared_inserts()[0]
    requests = {it.span_id: it for it in trace_receiver.find(name="POST /api/v1/links")}
    assert batch.attributes["slipbin.batch.size"] == len(batch.links)
    assert batch.parent_id == batch.links[0]
    assert batch.trace_id == requests[batch.parent_id].trace_id
    assert {"EVALSHA", "WITH"} <= {it.name for it in trace_receiver.children(batch)}
    for span_id in batch.links[1:]:
        assert requests[span_id].links == [batch.span_id]
        assert trace_receiver.find(trace_id=requests[span_id].trace_id, name="insert entries") == []


def test_answer_while_the_database_is_away_names_its_trace(
    gated_traced_web: LoggedWebServer, gated: Gated, trace_receiver: Receiver
) -> None:
    with gated.postgres.refusing():
        answer = gated_traced_web.client.get("/api/v1/entries/not-there")
    assert answer.status_code == 503

    request = trace_receiver.wait_for_span("GET /api/v1/entries/{key}", trace_id=answer.json()["trace_id"])

    assert request.status == ERROR
    assert request.attributes["error.type"] == "503"


def test_collector_that_is_away_is_logged_once_and_delays_no_request(environment: Environment) -> None:
    with reserved_port() as port:
        settings = environment | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "20",
            "OTEL_BSP_MAX_QUEUE_SIZE": "8",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4",
        }
        with LoggedWebServer(settings) as web:
            key = create_link(web.client)["key"]
            eventually(lambda: "Sending traces fails" in web.log(), "the line in the log")
            for _ in range(200):
                assert web.client.get(f"/{key}").status_code == 302
            [process] = web.processes
            process.terminate()
            assert process.wait(END_SECONDS) == 0
            assert len(re.findall("Sending traces fails|opentelemetry|Traceback", web.log())) == 1, web.log()


def test_collector_that_hangs_delays_no_request(environment: Environment) -> None:
    with (
        otlp_receiver() as own,
        own.hanging(),
        LoggedWebServer(environment | traces_to(own)) as web,
    ):
        key = create_link(web.client)["key"]
        eventually(lambda: own.headers, "a request that hangs")
        for _ in range(200):
            assert web.client.get(f"/{key}").status_code == 302
        [process] = web.processes
        process.terminate()
        assert process.wait(END_SECONDS) == 0


def test_last_spans_are_sent_at_the_end(environment: Environment) -> None:
    def are_sent() -> bool:
        with (
            otlp_receiver() as own,
            LoggedWebServer(environment | traces_to(own, OTEL_BSP_SCHEDULE_DELAY="3600000")) as web,
        ):
            create_link(web.client)
            [process] = web.processes
            process.terminate()
            assert process.wait(END_SECONDS) == 0
            return bool(own.find(name="POST /api/v1/links"))

    # The end waits for them only for a second, which on a busy machine may be too short for one process.
    eventually(are_sent, "the last spans of a process")


def test_each_web_process_sends_its_own(environment: Environment) -> None:
    with otlp_receiver() as own, WebProcesses(environment | traces_to(own)) as web:
        for process in web.wait_until_all_serve():
            with web.only(process), web.new_client() as client:
                trace_id = client.get("/api/v1/entries/not-there").json()["trace_id"]
            own.wait_for_span("GET /api/v1/entries/{key}", trace_id=trace_id)
