"""Asks web processes what they know of themselves: parts, warnings, and the settings they were started with."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from main_service.doctor.commands import restart_web, take_settings
from main_service.doctor.examination import in_thread
from main_service.doctor.findings import Finding, Level, Report
from main_service.doctor.public_url import fetch
from main_service.settings import Settings
from main_service.settings_digests import Digests, decides_what_works, differing, digest_settings

PARTS = {"database": "PostgreSQL", "redis": "Redis", "text_store": "the text store"}


@dataclass(frozen=True)
class WebAnswers:
    """What the web processes at one address said, together."""

    count: int = 0
    """How many answers there were; 0: none listens there."""
    warnings: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)
    """The parts that one of them can't use, such as `text_store`."""
    settings: list[Digests] = field(default_factory=list)
    """Those that each answer tells of. None of an older release."""
    uptime_seconds: float | None = None
    """The uptime of the youngest process; None: not told."""
    hanging: list[int] = field(default_factory=list)
    """The ids of processes beside them that hang."""


class WebProcesses:
    """The web processes at one address, asked once. `token`: that for metrics, if there is one.

    `times`: how often, each time on a new connection, as each process knows of itself alone.
    """

    def __init__(self, url: str, *, token: SecretStr | None, times: int) -> None:
        self.url = url
        self._times = times
        self._token = token
        self._asking: asyncio.Task[WebAnswers] | None = None

    async def ask(self) -> WebAnswers:
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> WebAnswers:
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        answers = await asyncio.gather(
            *(
                in_thread(lambda: fetch(self.url, "/health/ready?process=true", headers=headers))
                for _ in range(self._times)
            ),
            return_exceptions=True,
        )
        bodies = [_read(answer.body) for answer in answers if not isinstance(answer, BaseException)]
        processes = [each["process"] for each in bodies if isinstance(each.get("process"), dict)]
        return WebAnswers(
            count=len(bodies),
            warnings=sorted({str(warning) for each in bodies for warning in each.get("warnings") or []}),
            away=[part for part in PARTS if any((each.get("parts") or {}).get(part) == "away" for each in bodies)],
            settings=[each["settings"] for each in processes],
            uptime_seconds=min((each["uptime_seconds"] for each in processes), default=None),
            # Older releases don't tell of it.
            hanging=sorted({pid for each in processes for pid in each.get("hanging", [])}),
        )


async def check_web(settings: Settings, report: Report, *, web: WebProcesses) -> None:
    """Whether web processes can use each part, and run with the present settings."""
    answers = await web.ask()
    if not answers.count:
        report.unknown(f"No web process answers at {web.url}. Name one with --web-url http://HOST:PORT.")
        return
    found = judge_web(answers, settings)
    report.findings += found
    if not found:
        same = " They were started with the present settings." if answers.settings else ""
        report.ok(f"Web processes answer at {web.url} and can use each part.{same}")


def judge_web(answers: WebAnswers, settings: Settings) -> list[Finding]:
    """Problems of the web processes that this command may not see itself."""
    names = other_settings(answers.settings, settings)
    found = [tell_other_settings("A web process was", names, subject="web")] if names else []
    for part in answers.away:
        advice = f"See what is said of {PARTS[part]}; if all is well there, the log of the web processes says why."
        found.append(Finding("web", Level.PROBLEM, f"A web process can't use {PARTS[part]}.", advice))
    for pid in answers.hanging:
        sentence = f"The web process with the id {pid} hangs, while others answer: requests that it has taken wait."
        found.append(Finding("web", Level.PROBLEM, sentence, f"{restart_web()}. Its log may say why."))
    return found


def other_settings(theirs: Iterable[Digests], settings: Settings) -> list[str]:
    """The names of the settings with which one of some processes was started and that are others now."""
    ours = digest_settings(settings)
    return sorted({name for each in theirs for name in differing(ours, each)})


def tell_other_settings(who: str, names: Sequence[str], *, subject: str) -> Finding:
    """Report that a process was started with other settings. `who`: the beginning of the sentence, with its verb."""
    level = Level.PROBLEM if any(map(decides_what_works, names)) else Level.WARNING
    sentence = f"{who} started with other settings than this command has: {', '.join(names)}."
    return Finding(subject, level, sentence, take_settings())


def _read(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
