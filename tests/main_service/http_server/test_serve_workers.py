"""`serve --workers N`: the processes answer, come back, are replaced and end together."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.support.engines import REPOSITORY, Environment
from tests.support.load import RetryingClient
from tests.support.metrics import METRICS_TOKEN, NOT_FOUND, read_metrics
from tests.support.raw_http import GET_STATIC_FILE, POST_PASTE, connect, parse, read_answer, read_to_end
from tests.support.serve_workers import END_SECONDS, WORKERS, WebProcesses, serve_command, wait_until_gone
from tests.support.waiting import eventually, eventually_async

CLIENTS = 4


@pytest.fixture(scope="module")
def shared_workers(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcesses]:
    own = {"MAIN_METRICS_TOKEN": METRICS_TOKEN, "TMPDIR": str(tmp_path_factory.mktemp("temporary"))}
    with WebProcesses(environment | own) as server:
        yield server


@pytest.fixture
def workers(environment: Environment, tmp_path: Path) -> Iterator[WebProcesses]:
    # A parent that is killed leaves its folder of figures.
    with WebProcesses(environment | {"TMPDIR": str(tmp_path)}) as server:
        yield server


def test_each_process_answers_and_any_tells_the_figures_of_all(shared_workers: WebProcesses) -> None:
    children = shared_workers.wait_until_all_serve()
    with shared_workers.new_client() as client:
        before = read_metrics(client)[NOT_FOUND]

    for process in children:
        with shared_workers.only(process), shared_workers.new_client() as client:
            assert client.get("/never-used").status_code == 404

    for process in children:
        with shared_workers.only(process), shared_workers.new_client() as client:
            assert read_metrics(client)[NOT_FOUND] - before == len(children)


def test_a_killed_process_comes_back_while_the_others_answer(shared_workers: WebProcesses) -> None:
    killed, *others = shared_workers.wait_until_all_serve()

    killed.kill()
    with shared_workers.new_client() as client:
        assert client.get("/health/live").status_code == 200

    wait_until_gone([killed])
    assert set(others) < set(shared_workers.wait_until_all_serve())


async def test_sighup_replaces_all_and_loses_no_request(
    shared_workers: WebProcesses, database: asyncpg.Connection
) -> None:
    old = await asyncio.to_thread(shared_workers.wait_until_all_serve)
    is_over = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        visits = [pool.submit(RetryingClient(shared_workers, number).run, is_over) for number in range(CLIENTS)]
        try:
            shared_workers.parent.send_signal(signal.SIGHUP)
            await eventually_async(lambda: "have been replaced" in shared_workers.log(), "the line in the log")
        finally:
            is_over.set()
        visitors = [visit.result() for visit in visits]

    assert not set(old) & set(await asyncio.to_thread(shared_workers.wait_until_all_serve))
    assert "Traceback" not in shared_workers.log()
    titles = [title for visitor in visitors for title in visitor.titles]
    assert await database.fetchval("SELECT count(*) FROM entry WHERE title = ANY($1)", titles) == len(titles)


def test_sigterm_ends_all_after_what_they_have_accepted(workers: WebProcesses) -> None:
    body = json.dumps({"text": "accepted"}).encode()
    children = workers.wait_until_all_serve()
    uploads = []
    for process in children:
        with workers.only(process):
            uploads.append(connect(workers))
            # Its first answer shows that this process has the connection.
            uploads[-1].sendall(GET_STATIC_FILE + b"\r\n")
            assert read_answer(uploads[-1]).status == 200
    # Only now: a body may keep a process waiting for 10 s.
    for upload in uploads:
        upload.sendall(POST_PASTE + b"Content-Length: %d\r\n\r\n" % len(body))

    workers.parent.terminate()
    eventually(lambda: is_refused(workers), "a listener that is closed")
    for upload in uploads:
        upload.sendall(body)
        [answer] = parse(read_to_end(upload))
        upload.close()
        assert (answer.status, answer.headers["connection"]) == (201, "close")

    assert workers.parent.wait(END_SECONDS) == 0
    wait_until_gone(children)
    assert "Traceback" not in workers.log()
    assert "ERROR" not in workers.log()


def is_refused(web: WebProcesses) -> bool:
    try:
        connect(web).close()
    except ConnectionResetError:
        # It was in the queue of the listener when that was closed.
        return False
    except ConnectionRefusedError:
        return True
    return False


def test_ctrl_c_in_a_terminal_is_an_orderly_end(workers: WebProcesses) -> None:
    children = workers.wait_until_all_serve()
    for process in children:
        assert os.getpgid(process.pid) != os.getpgid(workers.parent.pid), "a terminal signals all of the group"

    workers.parent.send_signal(signal.SIGINT)

    assert workers.parent.wait(END_SECONDS) == 0
    wait_until_gone(children)
    assert "Traceback" not in workers.log()


def test_a_process_that_hangs_is_killed_and_told(workers: WebProcesses) -> None:
    children = workers.wait_until_all_serve()
    children[0].suspend()

    assert workers.end() == 1

    wait_until_gone(children)
    assert "did not end within" in workers.log()


def test_none_outlives_a_killed_parent(workers: WebProcesses) -> None:
    children = workers.wait_until_all_serve()

    workers.parent.kill()

    wait_until_gone(children)


def test_a_process_ends_with_a_parent_that_never_read_that_it_serves() -> None:
    serving = "import sys, time; from main_service.http_server.processes import Parent;"
    serving += f"Parent(int(sys.argv[1])).report_started(); time.sleep({2 * END_SECONDS})"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        descriptor = theirs.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", serving, str(descriptor)], pass_fds=[descriptor], cwd=REPOSITORY
        )
        theirs.close()
        assert ours.recv(1, socket.MSG_PEEK) == b"1"

    assert process.wait(END_SECONDS) == -signal.SIGTERM


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)])
def test_a_parent_that_ends_while_they_start_leaves_none(
    environment: Environment, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    with serve_command(environment | {"TMPDIR": str(tmp_path)}, "--port", "0", "--workers", str(WORKERS)) as parent:
        eventually(lambda: len(psutil.Process(parent.pid).children()) == WORKERS, "all processes")
        children = psutil.Process(parent.pid).children()

        parent.send_signal(number)
        _, said = parent.communicate(timeout=END_SECONDS)

    assert parent.returncode == status
    assert "Traceback" not in said
    wait_until_gone(children)


def test_while_none_can_start_again_the_others_stay_and_there_is_no_haste(
    environment: Environment, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    with WebProcesses(environment | {"MAIN_BODY_STORE_URL": f"file://{texts}"}) as web:
        killed, *others = web.wait_until_all_serve()
        texts.rename(tmp_path / "away")
        texts.write_text("not a folder")

        killed.kill()
        eventually(lambda: "another begins in 0.5 s" in web.log(), "the line in the log")
        web.parent.send_signal(signal.SIGHUP)
        for pause in ("1", "2"):
            line = f"(exit 1); another begins in {pause} s"
            eventually(lambda line=line: line in web.log(), line)
            with web.new_client() as client:
                assert client.get("/health/live").status_code == 200
        assert set(others) <= set(web.children()), "replaced, although its successor could not start"

        texts.unlink()
        texts.mkdir()
        eventually(lambda: "have been replaced" in web.log(), "the line in the log")
        web.wait_until_all_serve(instead_of=others)
