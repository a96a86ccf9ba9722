"""A disk is full, of bytes or of files: pastes and imports are refused whole, and work again when there is room."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.faults.own_mounts import own_mounts, own_user
from tests.support.accounts import new_user, sign_in_on_page
from tests.support.engines import REPOSITORY, Environment, temporary_folder
from tests.support.entries import create_link, manage_headers
from tests.support.pages import BROWSER, send_form
from tests.support.waiting import eventually
from tests.support.web import WebServer

DISK_BYTES = 1024 * 1024
DISK_FILES = 40
LARGE_CHARACTERS = 400_000
"""About 300,000 bytes as they are stored: three fit."""

_MOUNT = 'mount -t tmpfs -o "size=$0,nr_inodes=$1" tmpfs "$2" && shift 2 && exec "$@"'


class CrampedWeb(WebServer):
    """A web process for which a folder is a tiny file system, which no other process sees mounted."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self._folder = folder
        super().__init__(environment)

    @property
    def disk(self) -> Path:
        """The way to its disk from outside."""
        return Path(f"/proc/{self.processes[0].pid}/root{self._folder}")

    def files(self) -> list[Path]:
        return [path for path in self.disk.rglob("*") if path.is_file()]

    def _start(self) -> "subprocess.Popen[bytes]":
        descriptor = self._listener.fileno()
        mount = ["sh", "-c", _MOUNT, str(DISK_BYTES), str(DISK_FILES), str(self._folder)]
        serve = [sys.executable, "-m", "main_service", "serve", "--fd", str(descriptor)]
        command = [*own_mounts(), *mount, *own_user(), *serve]
        return subprocess.Popen(command, env=self._environment, cwd=REPOSITORY, pass_fds=[descriptor])


@pytest.fixture
def cramped(environment: Environment) -> Iterator[CrampedWeb]:
    """A web process whose texts are on a tiny disk."""
    with (
        temporary_folder() as folder,
        CrampedWeb(environment | {"MAIN_BODY_STORE_URL": f"file://{folder}/texts"}, folder) as server,
    ):
        yield server


@pytest.fixture
def without_scratch(environment: Environment) -> Iterator[CrampedWeb]:
    """Temporary files have a tiny disk."""
    with temporary_folder() as folder, CrampedWeb(environment | {"TMPDIR": str(folder)}, folder) as server:
        yield server


def large_text() -> str:
    """A large text that compression hardly makes smaller."""
    return secrets.token_urlsafe(LARGE_CHARACTERS)[:LARGE_CHARACTERS]


def create(client: httpx.Client, text: str) -> httpx.Response:
    return client.post("/api/v1/pastes", json={"text": text})


def fill(client: httpx.Client, *, is_large: bool) -> list[tuple[dict[str, str], str]]:
    """Create pastes until one is refused; what was made, with its text."""
    made = []
    while True:
        text = large_text() if is_large else secrets.token_hex(8)
        response = create(client, text)
        if response.status_code != 201:
            assert_is_refused(response)
            return made
        made.append((response.json(), text))


def assert_is_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["code"]) == (507, "storage_full")
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("is_large", [True, False], ids=["no bytes left", "no files left"])
def test_full_disk_refuses_pastes_whole_and_takes_them_again_when_there_is_room(
    cramped: CrampedWeb, is_large: bool
) -> None:
    client = cramped.client
    made = fill(client, is_large=is_large)
    assert len(made) >= 2
    free_bytes = os.statvfs(cramped.disk).f_bfree

    for _ in range(5):
        assert_is_refused(create(client, large_text()))
    paste, text = made[0]
    address = f"/api/v1/entries/{paste['key']}"
    assert_is_refused(client.patch(address, json={"text": large_text()}, headers=manage_headers(paste)))
    page = send_form(client, "/", "/pastes", text="typed " + large_text())
    assert page.status_code == 507
    assert "typed " in page.text, "what was typed is not lost"

    assert os.statvfs(cramped.disk).f_bfree == free_bytes, "what was refused takes room"
    assert len(cramped.files()) == len(made)
    for paste, text in made:
        assert client.get(f"/{paste['key']}/raw").text == text
    link = create_link(client)
    assert client.get(f"/{link['key']}").status_code == 302
    assert client.patch(address, json={"title": "New"}, headers=manage_headers(made[0][0])).status_code == 200

    for paste, _ in made[:2]:
        assert client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste)).status_code == 204
    response = create(client, text)
    assert response.status_code == 201, response.text
    assert client.get(f"/{response.json()['key']}/raw").text == text


def test_texts_that_race_for_the_last_room_are_stored_whole_or_not_at_all(cramped: CrampedWeb) -> None:
    texts = [large_text() for _ in range(12)]
    with ThreadPoolExecutor(len(texts)) as pool:
        answers = list(pool.map(lambda text: create(cramped.client, text), texts))

    made = [(answer.json()["key"], text) for answer, text in zip(answers, texts, strict=True) if answer.is_success]
    for answer in answers:
        if not answer.is_success:
            assert_is_refused(answer)
    assert len(made) < len(texts)
    assert len(cramped.files()) == len(made)
    for key, text in made:
        assert cramped.client.get(f"/{key}/raw").text == text
    # However the race went, what was refused has left its room: fewer than three is one more.
    while len(made) < 3:
        made.append((create(cramped.client, texts[0]).json()["key"], texts[0]))


def test_file_of_an_import_for_which_there_is_no_room_is_refused_and_leaves_nothing(
    without_scratch: CrampedWeb,
) -> None:
    client = without_scratch.client
    user = new_user(client)
    head = b"keyword,url\n"

    def send(content: bytes, *, on_page: bool = False) -> httpx.Response:
        address, headers = ("/settings/import", BROWSER) if on_page else ("/api/v1/imports", user.headers)
        files = {"file": ("links.csv", content)}
        return client.post(address, data={"format": "yourls-csv"}, files=files, headers=headers)

    free_bytes = os.statvfs(without_scratch.disk).f_bfree
    # It goes to disk while it arrives.
    assert_is_refused(send(head + b"\n" * (3 * DISK_BYTES)))
    eventually(lambda: os.statvfs(without_scratch.disk).f_bfree == free_bytes, "the room of what was refused")
    # One that fits into memory goes there when it has arrived.
    filler = without_scratch.disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert_is_refused(send(head + b"\n" * 4096))
    sign_in_on_page(client, user.email)
    page = send(head + b"\n" * 4096, on_page=True)
    assert (page.status_code, '<form class="panel stack"' in page.text) == (507, True)
    assert client.get("/api/v1/imports", headers=user.headers).json()["items"] == []

    filler.unlink()
    accepted = send(head)
    assert accepted.status_code == 202, accepted.text
    stop = f"/api/v1/imports/{accepted.json()['id']}/stop"
    assert client.post(stop, headers=user.headers).status_code == 200
