"""The command `doctor`: examines the installation and prints what it finds."""

import asyncio
import json
import logging
import shutil
import textwrap
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial

from main_service.doctor.configuration import Configuration, check_secret, read_configuration
from main_service.doctor.database import check_database, check_schema
from main_service.doctor.examination import Check, examine
from main_service.doctor.findings import Finding, Level, Report
from main_service.doctor.machine import check_countries, check_machine
from main_service.doctor.mail import check_mail
from main_service.doctor.proxies import check_proxies
from main_service.doctor.public_url import check_certificate, check_public_url
from main_service.doctor.redaction import Redaction
from main_service.doctor.redis_server import check_redis
from main_service.doctor.tasks import check_tasks
from main_service.doctor.text_store import check_text_store, open_beforehand
from main_service.doctor.web_processes import WebProcesses, check_web
from main_service.doctor.workers import check_workers
from main_service.settings import Settings

WEB_TIMES = 6
"""How often web processes are asked, to come to each of a few."""
_WIDEST = 110
_MARKS = {Level.OK: "ok", Level.WARNING: "WARNING", Level.PROBLEM: "PROBLEM", Level.UNKNOWN: "?"}


def run_doctor(*, web_url: str, as_json: bool) -> tuple[str, int]:
    """What to print, and the exit status: 0 without a problem, warnings or not, else 1."""
    # Errors that libraries log while parts are away are reported as findings.
    logging.disable(logging.CRITICAL)
    report = Report("settings")
    configuration = read_configuration(report)
    if configuration.settings is not None:
        open_beforehand(configuration.settings)
    # Not asyncio.run, which would wait for the thread that resolves names, however long that takes.
    found = asyncio.new_event_loop().run_until_complete(examine(_checks(configuration, web_url=web_url)))
    findings = [*report.findings, *found]
    settings = configuration.settings
    redaction = Redaction(*([settings.secret.get_secret_value()] if settings else []))
    text = _as_json(findings) if as_json else _as_text(findings)
    return redaction.clean(text), 1 if any(each.level is Level.PROBLEM for each in findings) else 0


def _checks(configuration: Configuration, *, web_url: str) -> list[Check]:
    settings = configuration.settings

    def check(subject: str, name: str | None, run: Callable[[Settings, Report], Awaitable[None]]) -> Check:
        """`name`: the setting that the check goes by, if any."""
        reason = configuration.is_unusable(name) if name else None
        if settings is None:
            return Check(subject, lambda _: _nothing(), reason or "the settings can't be read")
        return Check(subject, partial(run, settings), reason)

    # Asked once, for all checks.
    web = WebProcesses(web_url, token=settings.metrics_token if settings else None, times=WEB_TIMES)

    async def check_secret_now(settings: Settings, report: Report) -> None:
        check_secret(settings, report)

    return [
        check("secret", "secret", check_secret_now),
        check("public URL", "public_url", check_public_url),
        check("certificate", "tls_address", check_certificate),
        check("web", None, partial(check_web, web=web)),
        check("proxies", "trusted_proxies", partial(check_proxies, web=web)),
        check("database", "database_url", check_database),
        check("schema", "database_url", check_schema),
        check("Redis", "redis_url", check_redis),
        check("workers", "broker_url", check_workers),
        check("tasks", "redis_url", partial(check_tasks, web=web)),
        check("text store", "body_store_url", check_text_store),
        check("mail", "smtp_url", check_mail),
        check("countries", "geoip_db", check_countries),
        Check("machine", check_machine),
    ]


async def _nothing() -> None:
    """Stands in for a check that is left out."""


def _as_json(findings: Sequence[Finding]) -> str:
    counts = Counter(each.level.value for each in findings)
    summary = {"problems": counts["problem"], "warnings": counts["warning"], "unknown": counts["unknown"]}
    return json.dumps({**summary, "findings": [asdict(each) for each in findings]}, indent=2)


def _as_text(findings: Sequence[Finding]) -> str:
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    marks, subjects = max(len(it) for it in _MARKS.values()), max(len(each.subject) for each in findings)
    indent = " " * (marks + subjects + 4)
    lines: list[str] = []
    for each in findings:
        start = f"{_MARKS[each.level]:<{marks}}  {each.subject:<{subjects}}  "
        lines += _wrapped(each.sentence, width, start, indent)
        if each.advice:
            lines += _wrapped(each.advice, width, f"{indent}-> ", f"{indent}   ")
    counts = Counter(each.level for each in findings)
    lines += ["", _summary(counts[Level.PROBLEM], counts[Level.WARNING], counts[Level.UNKNOWN])]
    return "\n".join(lines)


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    # Commands, paths and URLs stay whole, so that they can be copied.
    return textwrap.wrap(
        text,
        max(width, len(rest) + 30),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(problems: int, warnings: int, unknown: int) -> str:
    counted = [(problems, "problem"), (warnings, "warning")]
    told = " and ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counted if count)
    left_out = f" {unknown} could not be checked." if unknown else ""
    return (f"Found {told}." if told else "Nothing is wrong.") + left_out
