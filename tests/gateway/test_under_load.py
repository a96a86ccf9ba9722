"""Nothing fails while web processes are killed or replaced, and while the gateway reloads."""

import signal
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.engines import Environment, temporary_folder
from tests.support.entries import create_link, manage_headers
from tests.support.gateway import TRUSTED, ContainedWebServer, Gateway
from tests.support.load import VisitingClients
from tests.support.serve_workers import WebProcesses
from tests.support.waiting import eventually

VISITORS = 4
TAKEN_BACK = 200
AT_ONCE = 128
"""How many requests nginx takes at once on a connection of HTTP/2, unless it is told otherwise."""
ANSWERS = 60
DELETES, DELETING = 64, 16


@pytest.fixture(scope="module")
def replaced(nginx: str, environment: Environment) -> Iterator[WebProcesses]:
    """`serve --workers 2`: two processes behind one address, which SIGHUP replaces."""
    with WebProcesses(environment | TRUSTED) as processes:
        yield processes


@pytest.fixture(scope="module")
def in_front_of_one(replaced: WebProcesses) -> Iterator[Gateway]:
    with temporary_folder() as folder, Gateway(folder / "gateway", [replaced]) as started:
        yield started


@pytest.fixture(autouse=True)
def restarted(webs: list[ContainedWebServer]) -> Iterator[None]:
    """All web processes run again after a test that failed while one was away."""
    yield
    for web in webs:
        if web.processes[0].poll() is not None:
            web.restart()


def failed(clients: VisitingClients) -> dict[str, int]:
    """How many requests of each kind got no answer, or another one than they should."""
    kinds = {"people": clients.people, "bots": clients.bots, "heads": clients.heads}
    return {name: kind.lost.total() for name, kind in kinds.items()}


class StrictClients(VisitingClients):
    """Notes each answer that is not the right one as lost."""

    def _send(self, client, request) -> None:  # type: ignore[no-untyped-def]
        before = request.seen.answered[request.key]
        super()._send(client, request)
        if request.seen.answered[request.key] == before:
            request.seen.lost[request.key] += 1


class RetryingClients(StrictClients):
    """Send again what met a kept connection that was just being closed, as RFC 9112 (9.3.1) has clients do."""

    def _ask(self, client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        seen: set[str] = set()
        try:
            return client.request(method, path, headers=headers, extensions={"trace": lambda event, _: seen.add(event)})
        except httpx.TransportError:
            if seen & {"connection.connect_tcp.started", "http11.receive_response_headers.complete"}:
                # It was a new connection, or an answer had begun.
                raise
            return super()._ask(client, method, path, headers)


def test_no_get_fails_when_a_web_process_is_killed(gateway: Gateway, webs: list[ContainedWebServer]) -> None:
    with StrictClients(gateway, visitors=VISITORS) as clients:
        for web in webs:
            clients.wait_for_answers(ANSWERS)
            web.processes[0].send_signal(signal.SIGKILL)
            web.processes[0].wait()
            clients.wait_for_answers(ANSWERS)
            web.restart()

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}


def test_nothing_fails_when_web_processes_end_in_turn(gateway: Gateway, webs: list[ContainedWebServer]) -> None:
    key = create_link(gateway.client)["key"]
    with StrictClients(gateway, visitors=VISITORS) as clients:
        for web in webs:
            clients.wait_for_answers(ANSWERS)
            web.processes[0].send_signal(signal.SIGTERM)
            web.processes[0].wait()
            made = [create_link(gateway.client) for _ in range(5)]
            for entry in made:
                # None of these was sent before it was refused.
                path, headers = f"/api/v1/entries/{entry['key']}", manage_headers(entry)
                assert gateway.client.patch(path, json={"title": "new"}, headers=headers).status_code == 200
                assert gateway.client.delete(path, headers=headers).status_code == 204
            web.restart()

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}
    assert gateway.client.get(f"/{key}").status_code == 302


def test_no_delete_fails_when_web_processes_end_shortly_after_each_other(
    gateway: Gateway, webs: list[ContainedWebServer]
) -> None:
    made = [create_link(gateway.client) for _ in range(DELETES)]

    def delete(entry: dict[str, Any]) -> int:
        with gateway.new_client() as client:
            path = f"/api/v1/entries/{entry['key']}"
            return client.delete(path, headers=manage_headers(entry)).status_code

    [first, second] = webs
    first.processes[0].kill()
    first.processes[0].wait()
    # So nginx counts it as away for a while.
    assert gateway.client.get("/").status_code == gateway.client.get("/").status_code == 200
    first.restart()
    second.processes[0].kill()
    second.processes[0].wait()
    # From then on nginx knows that what it kept to the second is closed: a request sent there would not be sent again.
    assert gateway.client.get("/").status_code == 200
    with ThreadPoolExecutor(DELETING) as pool:
        assert set(pool.map(delete, made)) == {204}


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    """A frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(content).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + content


def take_back(gateway: Gateway, path: bytes, count: int) -> None:
    """Ask for a path so many times on one connection of HTTP/2, and take it back each time at once."""
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["h2"])
    host, _, port = gateway.tls_address.removeprefix("https://").partition(":")
    # GET and https by their numbers in the table of HPACK, host and path by those of their names.
    head = b"\x82\x87\x01\x01x\x04" + bytes([len(path)]) + path
    frames = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0)]
    for stream in range(1, 2 * count, 2):
        # HEADERS, all of them and of the request, and RST_STREAM with CANCEL.
        frames += [frame(1, 0b101, stream, head), frame(3, 0, stream, bytes([0, 0, 0, 8]))]
    # PING is answered when all before it was read.
    frames.append(frame(6, 0, 0, b"the last"))
    with socket.create_connection((host, int(port)), timeout=60) as plain, context.wrap_socket(plain) as connection:
        connection.sendall(b"".join(frames))
        received = b""
        while b"the last" not in received and (data := connection.recv(65536)):
            received += data


def test_requests_that_are_taken_back_count_as_long_as_they_are_carried_out(
    gateway: Gateway, webs: list[ContainedWebServer]
) -> None:
    """HTTP/2 lets a client take back what it has asked for. It could have any number carried out at once."""
    path = b"/static/taken-back"
    for web in webs:
        web.processes[0].send_signal(signal.SIGSTOP)
    try:
        take_back(gateway, path, TAKEN_BACK)
    finally:
        for web in webs:
            web.processes[0].send_signal(signal.SIGCONT)

    def count() -> int:
        return sum(line["path"] == path.decode() for line in gateway.access_log())

    eventually(lambda: count() >= AT_ONCE, "all that was carried out")
    assert count() == AT_ONCE


def test_nothing_fails_when_the_gateway_reloads(gateway: Gateway) -> None:
    with RetryingClients(gateway, visitors=VISITORS) as clients:
        for _ in range(3):
            clients.wait_for_answers(ANSWERS)
            before = gateway.reload()
    eventually(lambda: not set(before) & set(gateway.workers()), "the end of the processes of before")

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}


def test_nothing_fails_when_sighup_replaces_web_processes(in_front_of_one: Gateway, replaced: WebProcesses) -> None:
    before = replaced.children()
    with StrictClients(in_front_of_one, visitors=VISITORS) as clients:
        clients.wait_for_answers(ANSWERS)
        replaced.parent.send_signal(signal.SIGHUP)
        eventually(lambda: not set(before) & set(replaced.children()), "new processes")
        clients.wait_for_answers(ANSWERS)

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}


def test_no_get_fails_when_one_of_two_processes_behind_an_address_is_killed(
    in_front_of_one: Gateway, replaced: WebProcesses
) -> None:
    [victim, _] = replaced.wait_until_all_serve()
    with StrictClients(in_front_of_one, visitors=VISITORS) as clients:
        clients.wait_for_answers(ANSWERS)
        victim.kill()
        eventually(lambda: victim not in replaced.children(), "its end")
        clients.wait_for_answers(ANSWERS)

    assert failed(clients) == {"people": 0, "bots": 0, "heads": 0}
