"""How many connections one client may have, and what happens when a process runs out of descriptors."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from main_service.http_server.process_limits import ProcessLimits
from tests.support.engines import REPOSITORY, Environment
from tests.support.raw_http import LoggedWebServer, parse, read_answer, read_to_end, wait_until_left
from tests.support.web import Process, WebServer

LIMIT = 5
PROXY = "127.0.0.77"
TOKEN = "a-token-of-the-tests"
DESCRIPTORS = 300
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


class FewDescriptors(LoggedWebServer):
    """Started by a shell whose soft limit is lower than the hard one."""

    def _start(self) -> Process:
        self._log_file()
        descriptor = self._listener.fileno()
        serve = f"exec {sys.executable} -m main_service serve --fd {descriptor}"
        return subprocess.Popen(
            ["sh", "-c", f"ulimit -Sn {DESCRIPTORS // 2} && ulimit -Hn {DESCRIPTORS} && {serve}"],
            env=self._environment,
            cwd=REPOSITORY,
            pass_fds=[descriptor],
            stderr=self._log,
        )


@pytest.fixture(scope="module")
def web(environment: Environment) -> Iterator[LoggedWebServer]:
    limited = {"MAIN_LIMIT_CONNECTIONS": str(LIMIT), "MAIN_TRUSTED_PROXIES": PROXY}
    with LoggedWebServer(environment | limited) as server:
        server.client.close()
        yield server


def connect_from(web: WebServer, address: str) -> socket.socket:
    host, port = web.address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), source_address=(address, 0))
    connection.settimeout(60)
    return connection


def is_served(connection: socket.socket, headers: bytes = b"") -> bool:
    connection.sendall(GET + headers + b"\r\n")
    return read_answer(connection).status == 200


def test_client_has_so_many_connections_and_others_have_theirs(web: LoggedWebServer) -> None:
    with ExitStack() as clients:
        kept = [clients.enter_context(connect_from(web, "127.0.0.2")) for _ in range(LIMIT)]
        assert all(is_served(connection) for connection in kept)

        with connect_from(web, "127.0.0.2") as refused:
            [answer] = parse(read_to_end(refused))
        assert (answer.status, json.loads(answer.body)["code"]) == (429, "too_many_connections")
        assert (answer.headers["retry-after"], answer.headers["connection"]) == ("5", "close")
        with connect_from(web, "127.0.0.3") as other:
            assert is_served(other)

        port = kept[0].getsockname()[1]
        kept[0].close()
        wait_until_left(web, port, seconds=60)
        with connect_from(web, "127.0.0.2") as next_one:
            assert is_served(next_one)


def test_trusted_proxy_has_any_number(web: LoggedWebServer) -> None:
    with ExitStack() as clients:
        assert all(is_served(clients.enter_context(connect_from(web, PROXY))) for _ in range(3 * LIMIT))


FORWARDED = b"X-Forwarded-For: 192.0.2.1\r\n"


def test_connections_on_which_a_private_address_passes_requests_on_do_not_count(web: LoggedWebServer) -> None:
    """All the world would share one limit."""
    with ExitStack() as clients:
        for _ in range(3 * LIMIT):
            assert is_served(clients.enter_context(connect_from(web, "127.0.0.4")), FORWARDED)
    (line,) = [line for line in web.log().splitlines() if "Connections of one" in line]
    assert "one in 127." in line
    assert "MAIN_TRUSTED_PROXIES" in line


@pytest.mark.parametrize("header", [b"", b"X-Forwarded-For:\r\n", b"X-Forwarded-For: unknown\r\n"])
def test_one_header_frees_one_connection_only(web: LoggedWebServer, header: bytes) -> None:
    address = f"127.0.1.{1 + len(header)}"
    with ExitStack() as clients:
        assert is_served(clients.enter_context(connect_from(web, address)), FORWARDED)
        for _ in range(LIMIT):
            assert is_served(clients.enter_context(connect_from(web, address)), header)

        with connect_from(web, address) as refused:
            [answer] = parse(read_to_end(refused))
        assert answer.status == 429


class _Idle:
    """A connection as far as its place can be given to another."""

    def __init__(self, *, is_of_proxy: bool = False) -> None:
        self._is_of_proxy = is_of_proxy

    def waiting_since(self) -> float | None:
        return 0.0

    def has_begun(self) -> bool:
        return False

    def claims_another_client(self) -> bool:
        return self._is_of_proxy

    def make_room(self) -> None:
        raise AssertionError


def test_addresses_of_one_household_count_as_one() -> None:
    limits = ProcessLimits(connections_per_client=2, trusted_proxies=())
    hosts = ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1::3", "2001:db8:0:2::1", "::ffff:192.0.2.1"]

    refusals = [limits.admit(_Idle(), host=host, descriptor=9) for host in hosts]

    assert [refusal is None for refusal in refusals] == [True, True, False, True, True]


def test_log_has_the_network_of_a_private_client_only(caplog: pytest.LogCaptureFixture) -> None:
    limits = ProcessLimits(connections_per_client=1, trusted_proxies=())

    refusals = [limits.admit(_Idle(is_of_proxy=True), host="192.168.7.5", descriptor=9) for _ in range(3)]

    assert refusals == [None] * 3
    (record,) = caplog.records
    assert "192.168.7.0/24" in record.getMessage()
    assert "192.168.7.5" not in record.getMessage()


def test_connection_that_counts_no_more_leaves_the_others_counted() -> None:
    limits = ProcessLimits(connections_per_client=1, trusted_proxies=())
    passed_on, own = _Idle(is_of_proxy=True), _Idle()
    assert [limits.admit(it, host="10.0.0.1", descriptor=9) for it in (passed_on, own)] == [None, None]
    assert limits.admit(_Idle(), host="10.0.0.1", descriptor=9) is not None

    limits.dismiss(passed_on)
    assert limits.admit(_Idle(), host="10.0.0.1", descriptor=9) is not None
    limits.dismiss(own)
    assert limits.admit(_Idle(), host="10.0.0.1", descriptor=9) is None


def test_idle_connections_make_room_when_descriptors_run_out(environment: Environment) -> None:
    """The soft limit is raised to the hard one, and a part of that is left free for what requests need."""
    settings = environment | {"MAIN_LIMIT_CONNECTIONS": "", "MAIN_METRICS_TOKEN": TOKEN}
    with FewDescriptors(settings) as web, ExitStack() as clients:
        idle = []
        for _ in range(DESCRIPTORS + 50):
            idle.append(clients.enter_context(connect_from(web, "127.0.0.1")))
            assert is_served(idle[-1])

        assert read_to_end(idle[0]) == b""
        assert is_served(idle[-1])
        with web.new_client() as operator:
            answer = operator.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        figures = dict(line.rsplit(" ", 1) for line in answer.text.splitlines())
        assert float(figures["slipbin_descriptors_allowed"]) == DESCRIPTORS
        assert float(figures["slipbin_descriptors_used"]) < DESCRIPTORS - 20
        assert DESCRIPTORS / 2 < float(figures["slipbin_connections"]) < DESCRIPTORS
        assert web.log().count("have been idle longest are closed") == 1
