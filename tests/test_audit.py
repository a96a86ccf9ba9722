"""`make audit` fails for a known vulnerability, and only then: not because nothing can be known."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import audit
from tests.support.audit import judge

SOUND: dict[str, Any] = {"name": "sound", "version": "1.0", "vulns": []}
SKIPPED: dict[str, Any] = {"name": "away", "skip_reason": "Dependency not found on PyPI"}
BAD: dict[str, Any] = {
    "name": "bad",
    "version": "1.2",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.3"], "description": "…"}],
}


def test_vulnerable_package_fails_and_is_named_with_its_cure() -> None:
    verdict = judge([SOUND, BAD, SKIPPED])

    assert verdict.is_vulnerable
    assert verdict.lines[0] == "bad 1.2: PYSEC-2026-1; mended in: 1.3"
    assert len(verdict.lines) == 2


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-1"])
def test_accepted_vulnerability_fails_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ACCEPTED", {name: "not used"})

    assert judge([SOUND, BAD]) == (False, ["No known vulnerabilities in 2 packages."])


def test_packages_of_which_nothing_is_known_are_counted() -> None:
    assert judge([SOUND, SKIPPED]) == (False, ["No known vulnerabilities in 1 packages, of 1 nothing is known."])


def test_mirror_that_knows_no_vulnerabilities_is_said_in_one_line() -> None:
    [line] = judge([SKIPPED, SKIPPED]).lines
    assert line.endswith("PyPI's can't be had: it tells of none of 2 packages")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; sys.exit('Traceback\\nConnectionError: no network')", "ConnectionError: no network"),
        ("import sys; sys.exit(3)", "pip-audit ended with 3"),
        ("print('{}')", "pip-audit ended with 0"),
    ],
)
def test_network_that_is_away_is_said_in_one_line(program: str, reason: str) -> None:
    assert audit.audit([sys.executable, "-c", program]) == (
        False,
        [f"Not compared with known vulnerabilities, PyPI's can't be had: {reason}"],
    )


def test_answer_that_names_a_vulnerability_counts_whatever_the_exit_status(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"dependencies": [SOUND, BAD], "fixes": []}))
    program = f"import pathlib, sys; print(pathlib.Path({str(answer)!r}).read_text()); sys.exit(1)"

    assert audit.audit([sys.executable, "-c", program]).is_vulnerable
