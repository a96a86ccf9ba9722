"""Writes an overview as one screen of text, or as JSON."""

import json
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from main_service.background import Queue
from main_service.doctor.findings import Finding, Level
from main_service.doctor.surroundings import is_in_container
from main_service.doctor.web_processes import PARTS
from main_service.keys.pool import Pool
from main_service.monitoring import scraped
from main_service.status.judgement import LITTLE_DISK, disks
from main_service.status.overview import Overview
from main_service.status.task_states import KEYGEN_QUEUE, TaskState
from main_service.status.words import age_in_words, bytes_in_words

_WIDEST = 110
UNKNOWN = "?"
"""What could not be asked."""


def as_text(overview: Overview, findings: Sequence[Finding], *, version: str) -> str:
    revision, expected = next(iter(overview.answers.labels(scraped.SCHEMA)), (None, None))
    schema = UNKNOWN if revision is None else revision if revision == expected else f"{revision}, needs {expected}"
    rows = [
        ("Slipbin", f"{version}, schema {schema}, {datetime.fromtimestamp(overview.at, UTC):%Y-%m-%d %H:%M:%S} UTC"),
        ("Parts", ", ".join(_parts(overview))),
        ("Ready keys", ", ".join(_pools(overview))),
        ("Key filter", _filter(overview)),
        ("Queues", ", ".join(f"{queue} {_count(length)}" for queue, length in queues(overview).items())),
        ("Visits", _visits(overview)),
        (
            "Emails",
            f"{_count(overview.value(scraped.EMAILS, 'waiting'))} wait{_oldest_email(overview)}, "
            f"{_count(overview.value(scraped.EMAILS, 'failed'))} given up within 30 days",
        ),
        (
            "Left to do",
            f"{_count(overview.value(scraped.STALE_KEYS))} changes to tell Redis, "
            f"{_count(overview.value(scraped.TEXTS_DUE))} texts to delete",
        ),
        ("Disks", ", ".join(_disks(overview))),
    ]
    end = overview.value(scraped.CERTIFICATE)
    if end is not None:
        rows.append(("Certificate", f"valid until {datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M} UTC"))
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    lines: list[str] = []
    for name, value in rows:
        lines += _wrapped(value, width, f"{name:<13}", " " * 13)
    return "\n".join([*lines, "", *_tasks(overview), "", *_findings(findings, width)])


def as_json(overview: Overview, findings: Sequence[Finding], *, version: str) -> str:
    """Metrics by their Prometheus names and labels, tasks, and what is wrong."""
    metrics: list[dict[str, Any]] = [
        {"name": sample.name, "labels": sample.labels, "value": sample.value}
        for metric in overview.answers.collect()
        for sample in metric.samples
    ]
    tasks = [
        {
            "name": task.name,
            "queue": task.queue,
            "every_seconds": task.every.total_seconds() if task.every else 86_400,
            "next_at": task.next_at,
            "is_overdue": task.is_overdue,
            **({} if task.run is None else asdict(task.run)),
        }
        for task in overview.tasks or ()
    ]
    told = {
        "version": version,
        "at": overview.at,
        "is_well": not any(each.level is Level.PROBLEM for each in findings),
        "findings": [asdict(each) for each in findings],
        "web_seconds": overview.web_seconds,
        "visits": overview.visits,
        "web": {"warnings": overview.web.warnings, "parts_away": overview.web.away},
        "queues": queues(overview),
        "tasks": None if overview.tasks is None else tasks,
        "metrics": metrics,
    }
    return json.dumps(told, indent=2)


def queues(overview: Overview) -> dict[str, float | None]:
    """How many messages wait in each queue; None: it could not be asked."""
    lengths = {queue.value: overview.value(scraped.QUEUE_LENGTH, queue.value) for queue in Queue}
    return {**lengths, KEYGEN_QUEUE: overview.keygen_queue}


def _parts(overview: Overview) -> list[str]:
    told = []
    for part in PARTS:
        seconds = overview.value(scraped.PART_CHECK, part)
        is_up = overview.value(scraped.PART_UP, part)
        told.append(f"{part} {'ok' if is_up else 'AWAY'} {_milliseconds(seconds)}")
    web = "AWAY" if overview.web_seconds is None else f"ok {_milliseconds(overview.web_seconds)}"
    return [*told, f"web {web}"]


def _pools(overview: Overview) -> list[str]:
    kinds = [pool.name.lower() for pool in Pool]
    return [
        f"{kind} {_count(overview.value(scraped.POOL_KEYS, kind))} "
        f"of {_count(overview.value(scraped.POOL_CAPACITY, kind))}"
        for kind in kinds
    ]


def _filter(overview: Overview) -> str:
    is_complete, fill = overview.value(scraped.FILTER_COMPLETE), overview.value(scraped.FILTER_FILL)
    if is_complete is None:
        return UNKNOWN
    return f"{'complete' if is_complete else 'not complete'}, {fill or 0:.0%} full"


def _visits(overview: Overview) -> str:
    age = overview.value(scraped.STREAM_AGE)
    oldest = f", the oldest {age_in_words(age)} old" if age else ""
    web = "".join(
        f", {overview.visits[name]:.0f} {what}"
        for name, what in (("slipbin_visits_waiting", "waiting in web"), ("slipbin_visits_dropped_total", "dropped"))
        if name in overview.visits
    )
    if web and is_in_container():
        web += " (by this container alone)"
    dead = _count(overview.value(scraped.DEAD_LETTERS))
    return f"{_count(overview.value(scraped.STREAM_LENGTH))} records in the stream{oldest}, {dead} dead letters{web}"


def _oldest_email(overview: Overview) -> str:
    if overview.email_at is None:
        return ""
    return f", the oldest for {age_in_words(max(0, overview.at - overview.email_at))}"


def _disks(overview: Overview) -> list[str]:
    return [
        f"{place} {bytes_in_words(free)} of {bytes_in_words(size)} free{_few_files(overview, place)}"
        for place, free, size in disks(overview)
    ]


def _few_files(overview: Overview, place: str) -> str:
    files, most = overview.value(scraped.DISK_FILES_FREE, place), overview.value(scraped.DISK_FILES, place)
    return f" and {files:,.0f} files" if files is not None and most and files < LITTLE_DISK * most else ""


def _tasks(overview: Overview) -> list[str]:
    if overview.tasks is None:
        return ["Tasks: Redis, which knows their last runs, can't be asked."]
    table = [("Task", "every", "began", "took", "outcome", "next")]
    table += [_task(task, overview.at) for task in overview.tasks]
    widths = [max(len(row[column]) for row in table) for column in range(6)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _task(task: TaskState, now: float) -> tuple[str, str, str, str, str, str]:
    every = age_in_words(task.every.total_seconds()) if task.every else f"{task.due_before:%H:%M}"
    run = task.run
    began = "never" if run is None or run.began_at is None else f"{age_in_words(max(0, now - run.began_at))} ago"
    took = "" if run is None or run.seconds is None else age_in_words(run.seconds)
    outcome = "" if run is None or run.outcome is None else f"{run.outcome.value} {run.error or ''}".strip()
    if run is not None and run.is_running:
        outcome = f"running, before: {outcome}" if outcome else "running"
    left = None if task.next_at is None else task.next_at - now
    following = (
        "OVERDUE" if task.is_overdue else "" if left is None else f"in {age_in_words(left)}" if left > 0 else "now"
    )
    return task.name, every, began, took, outcome, following


def _findings(findings: Sequence[Finding], width: int) -> list[str]:
    if not findings:
        return ["All is well."]
    lines: list[str] = []
    for each in findings:
        lines += _wrapped(each.sentence, width, f"{each.level.value.upper():<9}", " " * 9)
        lines += _wrapped(each.advice, width, f"{' ' * 9}-> ", " " * 12)
    return lines


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    ) or [first.rstrip()]


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _milliseconds(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds * 1000:.0f} ms"
