"""Whose request it is: the gateway tells the web processes, and clients can't tell it anything else."""

import json
from collections.abc import Iterator

import pytest
import redis

from main_service.visit_stream.record import STREAM
from tests.support.engines import Environment, temporary_folder
from tests.support.entries import create_link
from tests.support.gateway import Gateway
from tests.support.visits import FIREFOX
from tests.support.waiting import eventually
from tests.support.web import WebServer

SPOOFED = "203.0.113.66"
SPOOFS = [
    {"X-Forwarded-For": SPOOFED},
    {"x-forwarded-for": f"{SPOOFED}, 127.0.0.1"},
    {"Forwarded": f"for={SPOOFED};proto=https;host=evil.example"},
    {"X-Real-IP": SPOOFED},
    {"X_Forwarded_For": SPOOFED},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1"},
]


@pytest.fixture(scope="module")
def strict_gateway(nginx: str, environment: Environment) -> Iterator[Gateway]:
    """In front of web processes with limits, which keep whole addresses; 127.0.0.9 is a proxy of the operator's."""
    settings = environment | {
        "MAIN_TRUSTED_PROXIES": "127.0.0.1",
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
    with strict_gateway.new_client(local_address="127.0.0.21") as client:
        statuses = [client.post("/api/v1/links", json=link, headers=spoof).status_code for spoof in SPOOFS]
    assert statuses == [201, 201, 429, 429, 429, 429]

    with strict_gateway.new_client(local_address="127.0.0.22") as other:
        assert other.post("/api/v1/links", json=link).status_code == 201


def test_requests_under_way_of_one_client_are_limited(strict_gateway: Gateway) -> None:
    head = b"POST /api/v1/pastes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    import socket

    host, port = strict_gateway.address.removeprefix("http://").split(":")
    waiting = [socket.create_connection((host, int(port)), source_address=("127.0.0.31", 0)) for _ in range(3)]
    try:
        for connection in waiting:
            connection.sendall(head)
        with strict_gateway.new_client(local_address="127.0.0.31") as client:
            refused = eventually(
                lambda: (answer := client.get("/static/favicon.svg")).status_code == 429 and answer, "a refusal"
            )
            # As if through a proxy of the operator's own network, which may bring anyone.
            passed_on = client.get("/static/favicon.svg", headers={"X-Forwarded-For": SPOOFED})
        assert passed_on.status_code == 200
        assert refused.json()["code"] == "too_many_connections"
        assert refused.headers["retry-after"] == "5"
        with strict_gateway.new_client(local_address="127.0.0.32") as other:
            assert other.get("/static/favicon.svg").status_code == 200
    finally:
        for connection in waiting:
            connection.close()


def new_link(gateway: Gateway) -> str:
    """The key of a link, made from an address that has made none: their number is limited."""
    new_link.number += 1  # type: ignore[attr-defined]
    with gateway.new_client(local_address=f"127.0.1.{new_link.number}") as client:  # type: ignore[attr-defined]
        return str(create_link(client)["key"])


new_link.number = 0  # type: ignore[attr-defined]
