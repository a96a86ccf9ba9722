"""What a request orders is in its trace, whichever process does it and when."""

import re
import time
from contextlib import suppress
from pathlib import Path

import asyncpg

from tests.support.accounts import new_superuser, register_by_api
from tests.support.otlp_receiver import ReceivedSpan
from tests.support.reports import confirmed_user, order_report
from tests.support.tracing import Traced, new_root
from tests.support.waiting import eventually
from tests.support.workers import keygen_worker, send_routed_tasks, send_task

SERVER, CLIENT = 2, 3


def constant(lines: list[str]) -> list[str]:
    """The tree without what some requests have: EVAL if a script is new to Redis, SPOP if no more keys are at hand."""
    return [line for line in lines if line.strip() not in ("EVAL", "SPOP")]


def send_mail(traced: Traced, *, of_trace: str) -> ReceivedSpan:
    """The span of the email that was ordered in this trace.

    One round need not send it: it does nothing while another runs, and ends after a while if much waits.
    """

    def find() -> list[ReceivedSpan]:
        send_task("main_service.send_mail", environment=traced.environment)
        with suppress(AssertionError):
            return eventually(lambda: traced.receiver.find(name="send email", trace_id=of_trace), "it", seconds=10)
        return []

    [sent] = eventually(find, "the span of an email that was sent")
    return sent


async def test_report_is_one_trace_from_its_order_to_its_email(
    traced: Traced, traced_quick_worker: None, traced_slow_worker: None, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(traced.client, database)
    began = time.time_ns()

    order_report(traced.client, user)
    ordered = new_root(traced, "POST /api/v1/reports", since_ns=began)
    send_routed_tasks("main_service.build_report", environment=traced.environment)
    built = traced.receiver.wait_for_span("build report", trace_id=ordered.trace_id)
    sent = send_mail(traced, of_trace=ordered.trace_id)

    assert built.service == "slipbin-slow"
    assert "put object" in {it.name for it in traced.receiver.children(built)}
    enclosing = {it.span_id: it.name for it in traced.receiver.find(trace_id=ordered.trace_id)}
    assert enclosing[built.parent_id].startswith(("INSERT", "POST /api/v1/reports"))
    assert sent.service == "slipbin-worker"
    assert enclosing[sent.parent_id] == "build report"
    [round_id] = sent.links
    round_span = traced.receiver.wait_for_span("run/main_service.send_mail", span_id=round_id)
    assert round_span.trace_id != sent.trace_id
    assert sent.span_id in round_span.links


def test_registration_is_one_trace_with_its_email(traced: Traced, traced_quick_worker: None) -> None:
    began = time.time_ns()

    register_by_api(traced.client)
    registered = new_root(traced, "POST /api/v1/auth/register", since_ns=began)

    sent = send_mail(traced, of_trace=registered.trace_id)

    assert sent.started_ns > registered.ended_ns
    assert "UPDATE" in {it.name for it in traced.receiver.children(sent)}


async def test_job_of_a_superuser_is_one_trace_with_its_order(
    traced: Traced, traced_slow_worker: None, database: asyncpg.Connection
) -> None:
    superuser = await new_superuser(traced.client, database)

    answer = traced.client.post("/api/v1/admin/cleanup", headers=superuser.headers)
    assert answer.status_code == 202
    ordered = traced.receiver.wait_for_span("POST /api/v1/admin/cleanup")
    send_routed_tasks("main_service.do_asked_work", environment=traced.environment)

    done = traced.receiver.wait_for_span("run job clean_up", trace_id=ordered.trace_id)
    assert done.service == "slipbin-slow"


def test_each_task_is_a_trace_of_its_own_and_waiting_for_one_is_none(traced: Traced, traced_quick_worker: None) -> None:
    send_task("main_service.ingest_visits", environment=traced.environment)

    task = traced.receiver.wait_for_span("run/main_service.ingest_visits")

    assert task.service == "slipbin-worker"
    assert {"connect", "SELECT"} <= {it.name for it in traced.receiver.children(task)}
    roots = {it.name for it in traced.receiver.find(service="slipbin-worker", parent_id="")}
    assert all(name.startswith("run/") for name in roots), roots


def test_keygen_is_traced_without_a_key(traced: Traced, folder: Path) -> None:
    with keygen_worker(traced.environment, folder / "traced-keygen.log"):
        task = traced.receiver.wait_for_span("run/keygen_service.top_up")

    assert task.service == "slipbin-keygen"
    commands = traced.receiver.children(task)
    assert "SCARD" in {it.name for it in commands}
    for command in commands:
        assert re.fullmatch(r"[A-Z ?\n.]+", command.attributes["db.statement"])
