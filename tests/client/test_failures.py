"""The client through trouble: lost answers, limits, parts that are away, no network, and readers that leave."""

import contextlib
import fcntl
import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.support.command_line_client import CommandLineClient, RunningClient
from tests.support.engines import Environment
from tests.support.gates import Gate, Gated
from tests.support.ports import reserved_port
from tests.support.waiting import eventually
from tests.support.web import WebServer

LIMIT = 12


@pytest.fixture
def front(web: WebServer) -> Iterator[tuple[str, Gate]]:
    """A URL at which the service is behind a gate."""
    host, port = web.address.removeprefix("http://").split(":")
    with reserved_port() as ours, Gate(("127.0.0.1", ours), (host, int(port))) as gate:
        yield f"http://127.0.0.1:{ours}", gate


@pytest.fixture(scope="module")
def limited(environment: Environment) -> Iterator[WebServer]:
    """A service that lets a guest create one entry every five seconds, once the first 12 are made."""
    with WebServer(environment | {"MAIN_LIMIT_CREATES": f"{LIMIT}/minute"}) as server:
        yield server


async def test_answer_that_is_lost_makes_no_second_entry(
    slipbin: CommandLineClient, front: tuple[str, Gate], database: asyncpg.Connection
) -> None:
    slipbin.site, gate = front
    title = f"Once {slipbin.home.name}"
    with (
        gate.stop_at(b"POST /api/v1/pastes", hold="answer") as stop,
        slipbin.running("paste", "--json", "-t", title, given=b"once") as process,
    ):
        stop.wait()
        # The service has made it and answered; the answer is dropped with the connection.
        with gate.refusing():
            pass
        code, told, trouble = process.finish()

    assert code == 0, trouble.decode()
    rows = await database.fetch("SELECT key FROM entry WHERE title = $1", title)
    assert [row["key"] for row in rows] == [json.loads(told)["key"]]
    assert slipbin.run("delete", rows[0]["key"]).returncode == 0


def test_deletion_whose_answer_is_lost_is_done(slipbin: CommandLineClient, front: tuple[str, Gate]) -> None:
    slipbin.site, gate = front
    key = slipbin.ask_json("paste", given=b"short-lived")["key"]
    with gate.stop_at(b"DELETE /api/v1/entries", hold="answer") as stop, slipbin.running("delete", key) as process:
        stop.wait()
        with gate.refusing():
            pass
        code, _, trouble = process.finish()

    assert (code, trouble.decode().splitlines()[-1]) == (0, f"Deleted {key}.")


@pytest.mark.parametrize("options", [["-t", " Ours ", "-s", "Python"], ["-e", "90m"]], ids=["values", "lifetime"])
def test_change_whose_answer_is_lost_is_done_once(
    slipbin: CommandLineClient, front: tuple[str, Gate], web: WebServer, options: list[str]
) -> None:
    slipbin.site, gate = front
    made = slipbin.ask_json("paste", given=b"text")
    with lost_answer(slipbin, gate, "edit", "--json", made["key"], *options) as process:
        code, told, trouble = process.finish()

    assert code == 0, trouble.decode()
    assert b"The connection broke." in trouble
    changed = web.client.get(f"/api/v1/entries/{made['key']}")
    assert changed.headers["etag"] == '"2"'
    names = ("title", "syntax", "expires_at")
    assert [json.loads(told)[name] for name in names] == [changed.json()[name] for name in names]


def test_text_whose_answer_is_lost_is_saved_once(
    slipbin: CommandLineClient, front: tuple[str, Gate], web: WebServer
) -> None:
    slipbin.site, gate = front
    key = slipbin.ask_json("paste", given=b"before")["key"]
    slipbin.variables["EDITOR"] = "sed -i s/before/after/"
    with lost_answer(slipbin, gate, "edit", key) as process:
        code, _, trouble = process.finish()

    assert code == 0, trouble.decode()
    assert web.client.get(f"/{key}/raw").text == "after"
    assert web.client.get(f"/api/v1/entries/{key}").headers["etag"] == '"2"'


def test_change_of_another_after_an_answer_was_lost_is_told(
    slipbin: CommandLineClient, front: tuple[str, Gate], web: WebServer
) -> None:
    slipbin.site, gate = front
    made = slipbin.ask_json("paste", given=b"text")
    entry = f"/api/v1/entries/{made['key']}"

    def change() -> None:
        headers = {"X-Manage-Token": made["manage_token"], "If-Match": '"2"'}
        assert web.client.patch(entry, json={"title": "Theirs"}, headers=headers).status_code == 200

    with lost_answer(slipbin, gate, "edit", made["key"], "-t", "Ours", meanwhile=change) as process:
        code, _, trouble = process.finish()

    assert code == 5
    assert b"The answer was lost" in trouble
    assert web.client.get(entry).json()["title"] == "Theirs"


@contextlib.contextmanager
def lost_answer(
    slipbin: CommandLineClient, gate: Gate, *arguments: str, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[RunningClient]:
    """A command whose change is made; the answer is dropped with the connection, behind `meanwhile`."""
    with gate.stop_at(b"PATCH /api/v1/entries", hold="answer") as stop, slipbin.running(*arguments) as process:
        stop.wait()
        meanwhile()
        with gate.refusing():
            pass
        yield process


def test_limit_is_waited_for_as_told(slipbin: CommandLineClient, limited: WebServer) -> None:
    slipbin.site = limited.address

    def shorten(*options: str, until: bytes) -> "subprocess.CompletedProcess[bytes]":
        """Once it met the limit; on a busy machine it may begin only when there is room again."""
        while create_would_succeed(limited):
            pass
        done = slipbin.run(*options, "shorten", "https://example.org/")
        return done if until in done.stderr else shorten(*options, until=until)

    refused = shorten("--max-wait", "0", until=b"Try again in")
    waited = shorten(until=b"Waiting")

    assert (refused.returncode, refused.stdout) == (6, b"")
    assert waited.returncode == 0, waited.stderr.decode()
    assert waited.stdout.startswith(b"http")


def create_would_succeed(web: WebServer) -> bool:
    link = {"original_url": "https://example.org/target"}
    return web.client.post("/api/v1/links", json=link).status_code == 201


def test_reason_of_a_wait_is_shown_as_it_is(slipbin: CommandLineClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        slipbin.site = f"http://127.0.0.1:{server.getsockname()[1]}"
        problem = json.dumps({"detail": "[/] \x1b[31m"}).encode()

        def answer() -> None:
            connection, _ = server.accept()
            server.close()
            with connection:
                connection.recv(65536)
                head = b"HTTP/1.1 503 Away\r\nRetry-After: 1\r\nContent-Length: %d\r\n\r\n" % len(problem)
                connection.sendall(head + problem)

        thread = threading.Thread(target=answer)
        thread.start()
        seen = slipbin.on_terminal("--max-wait", "1", "get", "some-key")
        thread.join()

    assert seen.code == 7
    assert r"[/] \x1b[31m Waiting" in seen.text


def test_part_that_is_away_is_waited_for(slipbin: CommandLineClient, gated: Gated) -> None:
    with WebServer(gated.environment) as web, contextlib.ExitStack() as stack:
        slipbin.site = web.address
        away = stack.enter_context(contextlib.ExitStack())
        away.enter_context(gated.postgres.refusing())
        refused = slipbin.run("--max-wait", "0", "shorten", "https://example.org/")
        process = stack.enter_context(slipbin.running("shorten", "https://example.org/"))
        told = process.stderr.readline()
        away.close()
        code, link, trouble = process.finish()

    assert (refused.returncode, b"isn't responding" in refused.stderr) == (8, True)
    assert b"Waiting 5 s" in told
    assert (code, link[:4]) == (0, b"http"), trouble.decode()


def test_site_without_a_network_is_told_at_once(slipbin: CommandLineClient) -> None:
    with reserved_port() as port:
        slipbin.site = f"http://127.0.0.1:{port}"
        away = slipbin.run("paste", given=b"text")

    assert (away.returncode, away.stdout) == (7, b"")
    assert f"http://127.0.0.1:{port} can't be reached: Connection refused" in away.stderr.decode()


def test_proxy_that_is_away_and_https_that_is_none_are_told(slipbin: CommandLineClient) -> None:
    with reserved_port() as port:
        slipbin.variables["HTTP_PROXY"] = slipbin.variables["http_proxy"] = f"http://ada:secret@127.0.0.1:{port}"
        proxied = slipbin.run("paste", given=b"text")
    site, slipbin.site = slipbin.site, slipbin.site.replace("http", "https")
    encrypted = slipbin.run("paste", given=b"text")

    assert (proxied.returncode, encrypted.returncode) == (7, 7)
    assert f"{site} can't be reached through the proxy 127.0.0.1:{port}: " in proxied.stderr.decode()
    assert b"secret" not in proxied.stderr
    assert f"doesn't speak https there. Is it {site} ?" in encrypted.stderr.decode()


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
def test_other_server_is_not_taken_for_a_slipbin(slipbin: CommandLineClient, status: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        slipbin.site = f"http://127.0.0.1:{server.getsockname()[1]}"
        with slipbin.running("get", "some-key") as process:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nContent-Type: text/html\r\n\r\nHi"
                )
            code, _, trouble = process.finish()

    assert code == 1
    assert b"didn't answer as Slipbin does" in trouble


def test_reader_that_leaves_ends_it_quietly(slipbin: CommandLineClient) -> None:
    key = slipbin.ask("paste", given=b"a line\n" * 300_000).rpartition("/")[2]
    with slipbin.running("get", key) as process:
        assert process.stdout.read(6) == b"a line"
        process.stdout.close()
        trouble = process.stderr.read()
        code = process.process.wait(60)

    assert (code, trouble) == (141, b"")


def test_full_disk_is_told(slipbin: CommandLineClient) -> None:
    key = slipbin.ask("paste", given=b"text").rpartition("/")[2]
    with Path("/dev/full").open("wb") as full, slipbin.running("get", key, output=full) as process:
        code, _, trouble = process.finish()
    into_file = slipbin.run("get", key, "-o", "/dev/full")

    assert (code, into_file.returncode) == (1, 1)
    assert trouble.decode() == "slipbin: error: standard output can't be written: No space left on device\n"
    assert b"/dev/full can't be written: No space left on device" in into_file.stderr


def test_manage_tokens_of_programs_at_the_same_time_are_all_kept(slipbin: CommandLineClient) -> None:
    slipbin.ask("shorten", "https://example.org/1")
    with slipbin.manage_tokens.with_name(".manage_tokens.json.lock").open("r+") as lock:
        # As another program that adds a key.
        fcntl.flock(lock, fcntl.LOCK_EX)
        sites = json.loads(slipbin.manage_tokens.read_text())
        sites[slipbin.site]["other-key"] = next(iter(sites[slipbin.site].values()))
        with slipbin.running("shorten", "https://example.org/2") as process:
            eventually(lambda: process.process.poll() is not None or waits_for_lock(process.process.pid), "its turn")
            slipbin.manage_tokens.write_text(json.dumps(sites))
            fcntl.flock(lock, fcntl.LOCK_UN)
            code, link, _ = process.finish()

    kept = json.loads(slipbin.manage_tokens.read_text())[slipbin.site]
    assert code == 0
    assert {"other-key", link.decode().strip().rpartition("/")[2]} < set(kept)
    assert len(kept) == 3


def waits_for_lock(pid: int) -> bool:
    return re.search(rf"-> FLOCK +ADVISORY +WRITE {pid} ", Path("/proc/locks").read_text()) is not None


def test_file_that_can_not_be_read_is_named(slipbin: CommandLineClient, tmp_path: Path) -> None:
    missing = slipbin.run("paste", "no-such-file")
    slipbin.manage_tokens.parent.mkdir(parents=True)
    slipbin.manage_tokens.write_text("{broken")
    broken = slipbin.run("list")

    assert (missing.returncode, broken.returncode) == (1, 1)
    assert b"no-such-file can't be read: No such file or directory" in missing.stderr
    assert str(slipbin.manage_tokens) in broken.stderr.decode()
