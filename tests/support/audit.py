"""Compares the lock file with the known vulnerabilities of its packages: `make audit`, a part of `make check`.

pip-audit asks PyPI's JSON API. Where that can't be reached, or is a mirror without it, one line says so, and nothing
fails: what can't be known is no vulnerability.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.engines import REPOSITORY

LOCK = REPOSITORY / "requirements-dev.lock"
"""What developing needs, all that the service needs included."""
SECONDS = 300
"""For all packages together; on a good connection it takes a quarter of a minute."""

ACCEPTED: Mapping[str, str] = {}
"""Vulnerabilities that don't concern us or have no mended version yet: the id, and why. Reviewed with each release."""


class Verdict(NamedTuple):
    is_vulnerable: bool
    lines: list[str]


def audit(command: list[str] | None = None) -> Verdict:
    """`command`: another program in place of pip-audit."""
    command = command or [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", "15"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return _unknown(f"no end within {SECONDS} s")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        errors = done.stderr.strip().splitlines()
        return _unknown(errors[-1] if errors else f"pip-audit ended with {done.returncode}")
    return judge(packages)


def judge(packages: list[dict[str, object]]) -> Verdict:
    """`packages`: from the JSON of pip-audit, each with `vulns`, or with a `skip_reason` if nothing is known."""
    skipped = [package for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        return _unknown(f"it tells of none of {len(packages)} packages")
    lines = []
    for package in packages:
        for found in package.get("vulns", ()):  # type: ignore[attr-defined]
            ids = {found["id"], *found.get("aliases", ())}
            if not ids & ACCEPTED.keys():
                mended = ", ".join(found["fix_versions"]) or "none yet"
                lines.append(f"{package['name']} {package['version']}: {found['id']}; mended in: {mended}")
    if lines:
        advice = "Take another version (pyproject.toml, `make lock`), or say in tests/support/audit.py why not."
        return Verdict(True, [*lines, advice])
    left_out = f", of {len(skipped)} nothing is known" if skipped else ""
    return Verdict(False, [f"No known vulnerabilities in {len(packages) - len(skipped)} packages{left_out}."])


def _unknown(reason: str) -> Verdict:
    return Verdict(False, [f"Not compared with known vulnerabilities, PyPI's can't be had: {reason[:200]}"])


if __name__ == "__main__":
    verdict = audit()
    print("\n".join(verdict.lines))
    sys.exit(verdict.is_vulnerable)
