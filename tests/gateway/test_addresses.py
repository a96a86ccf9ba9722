"""Whose request it is: the gateway tells the web processes, and clients can't tell it anything else."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
import redis

from main_service.visit_stream.record import STREAM
from tests.support.engines import Environment, temporary_folder
from tests.support.entries import create_link
from tests.support.gateway import Gateway
from tests.support.raw_http import connect
from tests.support.visits import FIREFOX
from tests.support.waiting import eventually
from tests.support.web import WebServer

SPOOFED = "203.0.113.66"
SPOOFS = [
    {"X-Forwarded-For": SPOOFED},
    {"x-forwarded-for": f"{SPOOFED}, 127.0.0.1"},
    {"X-Slipbin-Forwarded-For": f"{SPOOFED}, 127.0.0.1"},
    {"X-Forwarded-For": SPOOFED, "X-Slipbin-Forwarded-For": f"{SPOOFED}, 127.0.0.1"},
]
"""The headers that web processes would believe if the gateway sent them; test_alone.py has those they don't read."""


@pytest.fixture(scope="module")
def strict_gateway(nginx: str, environment: Environment) -> Iterator[Gateway]:
    """A gateway for web processes that have limits and keep whole addresses; 127.0.0.9 is a proxy of the operator's."""
    settings = environment | {
        "MAIN_GATEWAY": "127.0.0.1",
        "MAIN_TRUSTED_PROXIES": "127.0.0.9",
        "MAIN_VISIT_IP": "full",
        "MAIN_LIMIT_CREATES": "2/hour",
    }
    outer = {"MAIN_TRUSTED_PROXIES": "127.0.0.9", "MAIN_LIMIT_CONNECTIONS": "3"}
    with (
        temporary_folder() as folder,
        WebServer(settings) as first,
        WebServer(settings) as second,
        Gateway(folder / "gateway", [first, second], settings=outer) as gateway,
    ):
        yield gateway


@pytest.fixture
def valkey(environment: Environment) -> Iterator["redis.Redis[str]"]:
    with redis.Redis.from_url(environment["MAIN_REDIS_URL"], decode_responses=True) as client:
        yield client


def address_of_visit(valkey: "redis.Redis[str]", key: str) -> str:
    """The address of the one visit to a key that is in the stream."""

    def visits() -> list[list[str]]:
        records = valkey.xrange(STREAM)
        return [visit for _, fields in records for visit in json.loads(fields["v"]) if visit[1] == key]

    [visit] = eventually(visits, "the visit")
    return visit[2]


@pytest.mark.parametrize("headers", [{}, *SPOOFS])
def test_visit_is_of_the_address_the_client_came_from(
    strict_gateway: Gateway, valkey: "redis.Redis[str]", headers: dict[str, str]
) -> None:
    key = new_link(strict_gateway)
    with strict_gateway.new_client(local_address="127.0.0.5") as client:
        visited = client.get(f"/{key}", headers={"User-Agent": FIREFOX, **headers})

    assert visited.status_code == 302
    assert address_of_visit(valkey, key) == "127.0.0.5"


def test_what_the_operators_own_proxy_says_is_believed(strict_gateway: Gateway, valkey: "redis.Redis[str]") -> None:
    key = new_link(strict_gateway)
    forwarded = f"198.51.100.1, {SPOOFED}, 127.0.0.9"
    with strict_gateway.new_client(local_address="127.0.0.9") as client:
        client.get(f"/{key}", headers={"User-Agent": FIREFOX, "X-Forwarded-For": forwarded})

    assert address_of_visit(valkey, key) == SPOOFED


def test_limits_are_of_each_client_and_no_header_evades_them(strict_gateway: Gateway) -> None:
    link = {"original_url": "https://example.org/"}
    # A proxy of the operator's brings clients from the internet, and each writes something before its address.
    with strict_gateway.new_client(local_address="127.0.0.9") as proxy:

        def status(client: str, spoof: dict[str, str]) -> int:
            written = {name.lower(): value for name, value in spoof.items()}
            before = f"{written.pop('x-forwarded-for')}, " if "x-forwarded-for" in written else ""
            headers = written | {"X-Forwarded-For": before + client}
            return proxy.post("/api/v1/links", json=link, headers=headers).status_code

        assert [status("198.51.100.21", spoof) for spoof in SPOOFS] == [201, 201, 429, 429]
        assert status("198.51.100.22", {}) == 201


@pytest.mark.parametrize(
    ("peer", "waiting_for", "refused", "served"),
    [
        ("127.0.0.31", "", "", SPOOFED),
        # A proxy of the operator's own network that isn't named: whom it names counts, whatever that one wrote before.
        ("127.0.0.32", SPOOFED, f"198.51.100.1, {SPOOFED}", "203.0.113.67"),
        ("127.0.0.33", f"{SPOOFED}:4711, 10.0.0.1", f"198.51.100.1, {SPOOFED},10.0.0.1", f"203.0.113.67, {SPOOFED}x"),
        ("127.0.0.34", "2001:db8:1:2:3::4", "10.0.0.9,[2001:db8:1:2:4::5]:80", "2001:db8:1:3::4"),
        ("127.0.0.35", "nonsense", "", SPOOFED),
        # A named one: its clients count, also those of the operator's own network.
        ("127.0.0.9", "10.0.0.5", f"{SPOOFED}, 10.0.0.5", "10.0.0.6"),
    ],
)
def test_requests_under_way_of_one_client_are_limited(
    strict_gateway: Gateway, peer: str, waiting_for: str, refused: str, served: str
) -> None:
    head = b"POST /api/v1/pastes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
    host, port = strict_gateway.address.removeprefix("http://").split(":")
    waiting = [socket.create_connection((host, int(port)), source_address=(peer, 0)) for _ in range(3)]
    try:
        for connection in waiting:
            connection.sendall(head + f"X-Forwarded-For: {waiting_for}\r\n\r\n".encode())
        with strict_gateway.new_client(local_address=peer) as client:

            def ask(forwarded_for: str) -> httpx.Response:
                return client.get("/static/favicon.svg", headers={"X-Forwarded-For": forwarded_for})

            answer = eventually(lambda: (it := ask(refused)).status_code == 429 and it, "a refusal")
            assert answer.json()["code"] == "too_many_connections"
            assert answer.headers["retry-after"] == "5"
            assert ask(served).status_code == 200
        with strict_gateway.new_client(local_address="127.0.0.41") as other:
            assert other.get("/static/favicon.svg").status_code == 200
    finally:
        for connection in waiting:
            connection.close()


def test_one_host_that_makes_addresses_up_does_not_get_all_connections(nginx: str, web: WebServer) -> None:
    few = {"limit_conn unnamed 2048;": "limit_conn unnamed 2;"}
    with temporary_folder() as folder, Gateway(folder / "gateway", [web], changes=few) as gateway:
        head = b"POST /api/v1/pastes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
        waiting = [connect(gateway) for _ in range(2)]
        for number, connection in enumerate(waiting):
            connection.sendall(head + f"X-Forwarded-For: 203.0.113.{number}\r\n\r\n".encode())
        made_up = {"X-Forwarded-For": "203.0.113.99"}
        eventually(lambda: gateway.client.get("/privacy", headers=made_up).status_code == 429, "a refusal")
        assert gateway.client.get("/privacy").status_code == 200
        for connection in waiting:
            connection.close()


def new_link(gateway: Gateway) -> str:
    """The key of a link, made from an address that has made none: their number is limited."""
    new_link.number += 1  # type: ignore[attr-defined]
    with gateway.new_client(local_address=f"127.0.1.{new_link.number}") as client:  # type: ignore[attr-defined]
        return str(create_link(client)["key"])


new_link.number = 0  # type: ignore[attr-defined]
