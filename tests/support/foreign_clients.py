"""Clients of other services, as PyPI has them: in a virtual environment of their own, made once for all test runs.

It lies outside the repository, so that a fresh clone finds it too, and has no version in common with ours.
"""

import os
import re
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.engines import REPOSITORY
from tests.support.installing import NotInstalledError, find_or_install

LOCK = Path(__file__).with_suffix(".lock")
TYPING_SECONDS = 180
DOCUMENTED_HOST = "paste.example.org"
"""The host that docs/clients.md has in its commands and configurations, under https."""
DOCUMENTED_TOKEN = "slp_…"
_KEY = re.compile(r"(?<=/)[1-9A-HJ-NP-Za-km-z]{7,11}(?=/|\s|$)")
_TOKEN = re.compile(r"(?<=#)[\w-]{43}")


class Home:
    """The home folder of a person who uses the clients, empty at first, and a shell in it."""

    def __init__(self, folder: Path, site: str) -> None:
        """`site`: the address of the service, without a slash at its end."""
        self.folder = folder
        self.site = site
        self.host = site.partition("//")[2]
        self.token = DOCUMENTED_TOKEN
        """What is typed in place of the API token of docs/clients.md."""
        self._programs = folder / "programs"
        self._programs.mkdir()

    def has(self, name: str, program: str) -> None:
        """Put a program among those that the shell finds first."""
        wrapper = self._programs / name
        # Not a link to it: Python would no longer find its environment.
        wrapper.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        wrapper.chmod(0o755)

    def write(self, name: str, content: bytes) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)

    def run(self, *command: str, stdin: bytes = b"") -> str:
        """What a command prints that must succeed."""
        environment = {
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "NO_PROXY": "*",
            "PATH": f"{self._programs}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, input=stdin, capture_output=True, timeout=TYPING_SECONDS
        )
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return done.stdout.decode()

    def type(self, script: str) -> str:
        """What a shell prints into which this is typed, as docs/clients.md has it, with keys and tokens as there."""
        # The word of pastebinit for TLS, which no server of the tests speaks.
        script = script.replace("https = True\n", "")
        script = script.replace(DOCUMENTED_TOKEN, self.token)
        script = script.replace(f"https://{DOCUMENTED_HOST}", self.site).replace(DOCUMENTED_HOST, self.host)
        printed = self.run("/bin/sh", "-eu", stdin=script.encode())
        return _TOKEN.sub("TOKEN", _KEY.sub("KEY", printed.replace(self.site, f"https://{DOCUMENTED_HOST}")))


def documented(heading: str) -> list[tuple[str, str]]:
    """What a section of docs/clients.md says to type, and what is printed then; empty where the page shows nothing.

    What installs a client is left out.
    """
    page = (REPOSITORY / "docs/clients.md").read_text()
    section = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE)
    assert section is not None, f"docs/clients.md has no section {heading}"
    blocks = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", section[1], re.DOTALL | re.MULTILINE)
    return [(typed, printed) for typed, printed in blocks if " install " not in typed]


def foreign_client(program: str, package: str) -> str:
    """The path of a program of theirs; `python` is the interpreter that has their modules.

    `package`: its name at PyPI. Where it can't be installed, tests are skipped, and in continuous integration fail.
    """
    folder = _folder_or_trouble()
    if isinstance(folder, NotInstalledError):
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"{package} is missing (PyPI: pip install {package}): {folder}")
    return str(folder / "bin" / program)


@cache
def _folder_or_trouble() -> Path | NotInstalledError:
    """What failed once is not tried again by the same process."""
    made_of = sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    kept_in = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = kept_in / "slipbin-tests" / f"clients-{made_of}"
    is_whole = folder / "is-whole"
    install = (
        (sys.executable, "-m", "venv", "--clear", str(folder)),
        (
            str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--requirement", str(LOCK),
        ),
        ("touch", str(is_whole)),
    )  # fmt: skip
    try:
        return find_or_install("foreign-clients", lambda: folder if is_whole.exists() else None, [install])
    except NotInstalledError as error:
        return error
