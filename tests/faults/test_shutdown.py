"""SIGTERM: what was accepted is finished, the rest is refused, and a rolling restart loses nothing."""

import asyncio
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from tests.support import forking
from tests.support.database import wait_for_blocked_statements
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.load import RetryingClient
from tests.support.raw_http import (
    GET_STATIC_FILE,
    POST_PASTE,
    Answer,
    LoggedWebServer,
    connect,
    parse,
    read_answer,
    read_to_end,
    wait_until_held,
)
from tests.support.serve_workers import END_SECONDS
from tests.support.waiting import eventually
from tests.support.web import Process

ROUNDS = 4
REQUESTS = 100
"""At least so many while processes are restarted."""
CLIENTS = 6


class LoneWebServer(LoggedWebServer):
    """One process with a listener of its own."""

    def _start(self) -> Process:
        host, port = self._listener.getsockname()
        self._listener.close()
        # It never listens, but keeps the port from others.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind((host, port))
        self._log_file()
        command = ("-m", "main_service", "serve", "--port", str(port))
        return forking.start(*command, environment=self._environment, stderr=self._log)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._held.close()

    def ask_to_end(self) -> None:
        [process] = self.processes
        process.send_signal(signal.SIGTERM)

    def terminate(self) -> None:
        """Ask the process to end, and wait until it takes no more connections."""
        self.ask_to_end()
        self.wait_until_refusing()

    def wait_until_refusing(self) -> None:
        eventually(self._is_refusing, "a process that takes no connections")

    def _is_refusing(self) -> bool:
        try:
            connect(self).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            # It was in the queue of the listener when that was closed.
            return False
        return False

    def assert_ended_well(self) -> None:
        [process] = self.processes
        assert process.wait(END_SECONDS) == 0
        assert "Traceback" not in self.log()
        assert "running task" not in self.log()


@pytest.fixture
def web(environment: Environment) -> Iterator[LoneWebServer]:
    with LoneWebServer(environment) as server:
        yield server


async def test_accepted_requests_are_finished_and_the_rest_is_refused(
    web: LoneWebServer, database: asyncpg.Connection
) -> None:
    link = create_link(web.client)
    body = json.dumps({"text": "slow but honest " * 5000}).encode()
    idle, answered, begun, uploading = (connect(web) for _ in range(4))
    for connection in (idle, answered):
        connection.sendall(GET_STATIC_FILE + b"\r\n")
        assert read_answer(connection).status == 200
    begun.sendall(GET_STATIC_FILE)
    uploading.sendall(POST_PASTE + b"Content-Length: %d\r\n\r\n" % len(body))

    def change() -> int:
        with web.new_client() as client:
            address = f"/api/v1/entries/{link['key']}"
            return client.patch(address, json={"title": "New"}, headers=manage_headers(link)).status_code

    def upload() -> Answer:
        for start in range(0, len(body), len(body) // 10):
            uploading.sendall(body[start : start + len(body) // 10])
            time.sleep(0.1)
        return read_answer(uploading)

    async with database.transaction():
        await database.execute("SELECT 1 FROM entry WHERE key = $1 FOR UPDATE", link["key"])
        changing = asyncio.create_task(asyncio.to_thread(change))
        await wait_for_blocked_statements(database)
        web.ask_to_end()
        # On an idle connection the next request may be on its way already.
        answered.sendall(GET_STATIC_FILE + b"\r\n")
        await asyncio.to_thread(web.wait_until_refusing)
        [answer] = parse(await asyncio.to_thread(read_to_end, answered))
        assert answer.status == 200
        begun.sendall(b"\r\n")
        [answer] = parse(await asyncio.to_thread(read_to_end, begun))
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert read_to_end(idle) == b""
        assert not changing.done()

    assert await changing == 200
    answer = await asyncio.to_thread(upload)
    assert (answer.status, answer.headers["connection"]) == (201, "close")
    web.assert_ended_well()
    assert await database.fetchval("SELECT title FROM entry WHERE key = $1", link["key"]) == "New"
    assert await database.fetchval("SELECT count(*) FROM entry WHERE key = $1", json.loads(answer.body)["key"]) == 1
    for connection in (idle, answered, begun, uploading):
        connection.close()


def test_endless_clients_do_not_keep_the_process(web: LoneWebServer) -> None:
    """One sends at an honest rate and would for an hour, one never reads what it asked for."""
    large = create_paste(web.client, text="a" * 8_000_000)["key"]
    with connect(web) as uploading, connect(web) as reading:
        reading.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        reading.sendall(f"GET /{large}/raw HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_until_held(web, reading.getsockname()[1])
        uploading.sendall(POST_PASTE + b"Content-Length: 9000000\r\n\r\n" + b"a" * 100_000)
        wait_until_held(web, uploading.getsockname()[1])
        answered = threading.Event()

        def go_on() -> None:
            while not answered.wait(0.5):
                try:
                    uploading.sendall(b"a" * 20_000)
                except OSError:
                    return

        sender = threading.Thread(target=go_on)
        sender.start()
        web.terminate()
        [answer] = parse(read_to_end(uploading))
        answered.set()
        sender.join()

        assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
        assert int(answer.headers["retry-after"]) > 0
        uploading.close()
        web.assert_ended_well()


def restart(web: LoggedWebServer, position: int) -> None:
    """Replace one process; return when the new one takes connections."""
    old = web.processes[position]
    old.send_signal(signal.SIGTERM)
    assert old.wait(END_SECONDS) == 0
    web.processes[position] = web._start()
    web.wait_for(web.processes[position])


async def test_rolling_restart_loses_no_request_and_does_none_twice(
    environment: Environment, database: asyncpg.Connection
) -> None:
    is_over = threading.Event()
    with LoggedWebServer(environment, processes=2) as web, ThreadPoolExecutor(CLIENTS) as pool:
        visitors = [RetryingClient(web, number) for number in range(CLIENTS)]
        visits = [pool.submit(visitor.run, is_over) for visitor in visitors]
        rounds = 0
        try:
            while rounds < ROUNDS or sum(len(visitor.titles) for visitor in visitors) <= REQUESTS:
                assert not any(visit.done() for visit in visits), "a visitor gave up"
                await asyncio.to_thread(restart, web, rounds % 2)
                rounds += 1
        finally:
            is_over.set()
        for visit in visits:
            visit.result()
        assert "Traceback" not in web.log()

    titles = [title for visitor in visitors for title in visitor.titles]
    created = await database.fetch(
        "SELECT title, count(*) AS count FROM entry WHERE title = ANY($1) GROUP BY title", titles
    )
    # A request that was sent again had not been taken: one that was taken is answered.
    assert {row["title"]: row["count"] for row in created} == dict.fromkeys(titles, 1)
    print(f"{len(titles)} links made, {sum(visitor.retries for visitor in visitors)} requests sent again")
