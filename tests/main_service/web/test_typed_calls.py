"""docs/api.md, typed into a shell from its first line to its last, does what it says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from tests.support import forking
from tests.support.database import new_database
from tests.support.engines import REPOSITORY, Environment, full
from tests.support.tools import find_curl
from tests.support.web import WebServer

TYPING_SECONDS = 150
TASKS = ("send_mail", "build_report", "do_asked_work")
WORKER = """
import logging, sys, time
logging.basicConfig(level=logging.INFO)
from main_service.worker import app
app.loader.import_default_modules()
while True:
    for name in sys.argv[1:]:
        app.tasks["main_service." + name]()
    time.sleep(0.5)
"""


def typed_commands() -> str:
    """All that the page says to type."""
    page = (REPOSITORY / "docs/api.md").read_text()
    return "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))


@pytest.fixture(scope="module")
def typed_environment(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A database for what is typed alone, and an outbox as with `make run`."""
    return new_database(environment, "typed") | {
        "MAIN_REDIS_URL": environment["MAIN_REDIS_URL"].replace("db=0", "db=11"),
        "MAIN_SMTP_URL": f"file://{tmp_path_factory.mktemp('mail')}/outbox",
    }


@pytest.fixture
def worker(typed_environment: Environment) -> Iterator[None]:
    """Does what a worker does when its beat says so."""
    process = forking.start("-c", WORKER, *TASKS, environment=full(typed_environment))
    yield
    process.kill()
    process.wait()


@pytest.fixture
def programs(tmp_path: Path, typed_environment: Environment) -> Path:
    """A folder of programs that come before others: curl that fails with the service, our Python, and a `make`."""
    folder = tmp_path / "programs"
    folder.mkdir()
    promote = f'{sys.executable} -m main_service create-superuser --email "${{2#EMAIL=}}" --promote'
    for name, line in {
        "curl": f'exec {find_curl()} --fail-with-body "$@"',
        "python3": f'exec {sys.executable} "$@"',
        "make": f'test "$1 $3" = "superuser PROMOTE=1" && cd {REPOSITORY} && exec {promote}',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.usefixtures("worker")
def test_everything_can_be_typed_as_it_is_printed(
    typed_environment: Environment, programs: Path, tmp_path: Path
) -> None:
    outbox = typed_environment["MAIN_SMTP_URL"].removeprefix("file://")
    with WebServer(typed_environment, shows_own_address=True) as web:
        script = re.sub(r"^SITE=\S+", f"SITE={web.address}", typed_commands(), flags=re.MULTILINE)
        script = re.sub(r"^OUTBOX=\S+", f"OUTBOX={outbox}", script, flags=re.MULTILINE)
        done = subprocess.run(
            ["/bin/sh", "-eux"],
            input=script,
            cwd=tmp_path,
            env={**full(typed_environment), "PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=TYPING_SECONDS,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert '"code":' not in done.stdout
    assert '"text":"for me"' not in done.stdout
    assert done.stdout.count("for your eyes only") == 2
    assert openpyxl.load_workbook(tmp_path / "report.xlsx").sheetnames
    assert (tmp_path / "code.svg").read_text().startswith("<")
    assert (tmp_path / "code.png").read_bytes().startswith(b"\x89PNG")
