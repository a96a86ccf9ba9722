"""What a check finds: a sentence that says what is so, and one that says what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, but not as well or as safely as it should."""
    PROBLEM = "problem"
    """Something does not work."""
    UNKNOWN = "unknown"
    """It could not be checked, because of something else that is wrong."""


@dataclass(frozen=True)
class Finding:
    subject: str
    """What it is about, in a word or two."""
    level: Level
    sentence: str
    """What is so. Holds no password, token or other secret."""
    advice: str = ""
    """What to do, if there is anything."""


class Report:
    """Collects the findings of one check."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.findings: list[Finding] = []

    def ok(self, sentence: str) -> None:
        self._add(Level.OK, sentence)

    def warn(self, sentence: str, advice: str) -> None:
        self._add(Level.WARNING, sentence, advice)

    def problem(self, sentence: str, advice: str) -> None:
        self._add(Level.PROBLEM, sentence, advice)

    def unknown(self, sentence: str) -> None:
        self._add(Level.UNKNOWN, sentence)

    def _add(self, level: Level, sentence: str, advice: str = "") -> None:
        self.findings.append(Finding(self.subject, level, sentence, advice))
