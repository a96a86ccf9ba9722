"""PostgreSQL's disk is full: what needs more room is a 503, reading goes on, and so does writing when there is room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import httpx
import pytest

from tests.faults.own_mounts import own_mounts, own_user
from tests.support.engines import REPOSITORY, START_SECONDS, Environment, running_engines, temporary_folder
from tests.support.entries import create_link
from tests.support.web import WebServer

DISK_BYTES = 64 * 1024 * 1024
"""The tables of a fresh cluster take about half of it."""
LEFT_BYTES = 256 * 1024
MAX_LINKS = 500

# The tables alone move to the tiny disk: where the log of changes finds no room, the server itself ends.
_MOVE_TABLES = """
set -e
mkdir "$1.room"
mount -t tmpfs -o "size=$0" tmpfs "$1.room"
cp -a "$1/." "$1.room/"
mount --move "$1.room" "$1"
shift
exec "$@"
"""


class Engines:
    """The launcher's engines, with PostgreSQL's tables on a tiny disk. The launcher ends with its standard input."""

    def __init__(self, folder: Path) -> None:
        self._tables = folder / "data/postgres/base"
        move = ["sh", "-c", _MOVE_TABLES, str(DISK_BYTES), str(self._tables)]
        launch = [sys.executable, "-m", "launcher", "engines", "--data", str(folder / "data")]
        self.launcher = subprocess.Popen(
            [*own_mounts(), *move, *own_user(), *launch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert self.launcher.stdout is not None
        assert "ready\n" in iter(self.launcher.stdout.readline, ""), "the engines did not start"

    @property
    def disk(self) -> Path:
        """The way to the tiny disk from outside."""
        return Path(f"/proc/{self.launcher.pid}/root{self._tables}")

    def fill(self) -> Path:
        """Leave next to nothing; the file that takes the rest."""
        filler = self.disk / "filler"
        room = os.statvfs(self.disk)
        filler.write_bytes(bytes(room.f_bavail * room.f_bsize - LEFT_BYTES))
        return filler

    def stop(self) -> None:
        assert self.launcher.stdin is not None
        assert self.launcher.stdout is not None
        self.launcher.stdin.close()
        self.launcher.stdout.close()
        self.launcher.wait(START_SECONDS)


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture
def environment(folder: Path) -> Environment:
    """The settings of engines that have been started and stopped, so that their tables exist."""
    with running_engines(folder) as settings:
        return settings


@pytest.fixture
def engines_with_tiny_disk(environment: Environment, folder: Path) -> Iterator[Engines]:
    engines = Engines(folder)
    yield engines
    engines.stop()


def create_long_link(client: httpx.Client) -> httpx.Response:
    """Create a link to a random address, because PostgreSQL compresses."""
    return client.post("/api/v1/links", json={"original_url": f"https://example.org/{token_hex(3_000)}"})


def test_full_database_takes_no_more_and_goes_on_when_there_is_room(
    engines_with_tiny_disk: Engines, environment: Environment
) -> None:
    with WebServer(environment) as web:
        link = create_link(web.client)
        filler = engines_with_tiny_disk.fill()

        keys = []
        while (response := create_long_link(web.client)).status_code == 201:
            keys.append(response.json()["key"])
            assert len(keys) < MAX_LINKS, "the disk does not get full"

        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
        assert int(response.headers["retry-after"]) > 0
        for key in (link["key"], *keys):
            assert web.client.get(f"/{key}").status_code == 302
        filler.unlink()
        assert create_long_link(web.client).status_code == 201
