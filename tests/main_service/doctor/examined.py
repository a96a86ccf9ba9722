"""Runs `python -m main_service doctor` and looks up what it found."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.support import forking
from tests.support.engines import START_SECONDS, full
from tests.support.waiting import eventually

PASSWORD = "hunter2-never-shown"
RANDOM = "Kq3vX9tLw2Zr8bNf5Ym7Hc4Pd6Js1Ga0"
LATE = ("does not answer in time", "There was no answer within")


class Examined(NamedTuple):
    status: int
    findings: list[dict[str, str]]
    said: str

    def of(self, subject: str, level: str) -> str:
        """The sentences of this level about a subject, with their advice, one a line."""
        found = [it for it in self.findings if (it["subject"], it["level"]) == (subject, level)]
        return "\n".join(f"{it['sentence']} -> {it['advice']}" for it in found)

    def problem(self, subject: str) -> str:
        return self.of(subject, "problem")

    def wrong(self, subject: str) -> str:
        """Problems and warnings: in a container, what is not reached from inside is only a warning."""
        return f"{self.of(subject, 'problem')}\n{self.of(subject, 'warning')}"


def examine(environment: Mapping[str, str], *arguments: str, hangs: bool = False) -> Examined:
    """The findings in these surroundings, looked for again while a part answers too late, as it may on a busy machine.

    hangs: Something is meant to answer too late, so the first report counts.
    """

    def find() -> Examined | None:
        found = _examine_once(environment, arguments)
        return found if hangs or not any(late in found.said for late in LATE) else None

    return eventually(find, "a report in which all have answered in time")


def _examine_once(environment: Mapping[str, str], arguments: Sequence[str]) -> Examined:
    command = ("-m", "main_service", "doctor", "--json", *arguments)
    done = forking.run(*command, environment=full(environment), timeout=START_SECONDS)
    said = done.stdout.decode() + done.stderr.decode()
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"no report, exit status {done.returncode}:\n{said}") from None
    assert told["problems"] == sum(it["level"] == "problem" for it in told["findings"])
    return Examined(done.returncode, told["findings"], said)
