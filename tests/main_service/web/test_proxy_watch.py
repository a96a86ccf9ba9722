"""A proxy that MAIN_TRUSTED_PROXIES does not name makes no client pay for another, and the operator is told."""

import logging
from collections.abc import Iterator
from ipaddress import ip_network

import httpx
import pytest
import redis
from starlette.requests import HTTPConnection

from main_service.web.proxy_watch import (
    CROWD,
    CROWD_SECONDS,
    PERHAPS_A_PROXY,
    REMEMBERED_SPEAKERS,
    UNNAMED_PROXY,
    WARNING_SECONDS,
    ProxyWatch,
)
from tests.support.engines import Environment
from tests.support.entries import new_alias
from tests.support.raw_http import LoggedWebServer
from tests.support.web import WebServer

MOST = 2
TOKEN = "a-token-of-the-tests"
LIMITED = {
    "MAIN_UNKNOWN_KEYS_PER_MINUTE": str(MOST),
    "MAIN_FAST_PATH": "false",
    "MAIN_METRICS_TOKEN": TOKEN,
}


@pytest.fixture(scope="module")
def proxied_limited(environment: Environment) -> Iterator[LoggedWebServer]:
    with LoggedWebServer(environment | LIMITED | {"MAIN_TRUSTED_PROXIES": "127.0.0.1"}) as server:
        yield server


def forget_counts(valkey: redis.Redis) -> None:
    for name in valkey.scan_iter("*unknown-keys*"):
        valkey.delete(name)


def unknown(web: WebServer, *forwarded_for: str) -> int:
    headers = [("X-Forwarded-For", value) for value in forwarded_for]
    return web.client.get(f"/{new_alias()}", headers=headers).status_code


def warnings(client: httpx.Client, **headers: str) -> list[str]:
    shown: list[str] = client.get("/health/ready", headers=headers).json().get("warnings", [])
    return shown


def test_behind_an_unnamed_proxy_each_client_has_a_limit_of_its_own_and_the_operator_is_told(
    environment: Environment, valkey: redis.Redis
) -> None:
    with LoggedWebServer(environment | LIMITED) as web:
        forget_counts(valkey)
        assert {unknown(web, f"203.0.113.{number}") for number in range(3 * MOST)} == {404}
        assert [unknown(web, f"10.9.8.{number}, 203.0.113.77, 10.0.0.9") for number in range(MOST + 1)] == [
            404
        ] * MOST + [429], "what the client wrote itself, and the second proxy, are not the client"
        assert unknown(web, "203.0.113.78, 10.0.0.9") == 404, "nor are all that come through the second proxy one"

        (warning,) = warnings(web.client)
        assert "MAIN_TRUSTED_PROXIES" in warning
        assert "127.0.0.1" not in warning
        assert "limit" not in warning
        stranger = {"X-Forwarded-For": "203.0.113.1"}
        assert warnings(web.client, **stranger) == []
        assert warnings(web.client, **stranger, Authorization="Bearer something-else") == []
        assert warnings(web.client, **stranger, Authorization=f"Bearer {TOKEN}") == [warning]
        lines = [line for line in web.log().splitlines() if "MAIN_TRUSTED_PROXIES" in line]
        assert len(lines) == 1
        assert " WARNING " in lines[0]
        assert "127.0.0.1" in lines[0]
        assert "203.0.113" not in lines[0]
    forget_counts(valkey)


@pytest.mark.parametrize("nothing", ["", " ", ",", "unknown", "nonsense, _hidden"])
def test_header_that_names_no_address_is_none(nothing: str) -> None:
    watch = ProxyWatch([])

    assert limited(watch, "192.168.1.5", nothing) == "192.168.1.5"
    assert watch.warnings == []


def test_empty_header_frees_no_client_from_its_limit(environment: Environment, valkey: redis.Redis) -> None:
    with WebServer(environment | LIMITED) as web:
        forget_counts(valkey)
        assert [unknown(web) for _ in range(MOST + 1)] == [404] * MOST + [429]

        assert [unknown(web, ""), unknown(web, "unknown")] == [429, 429]
        assert warnings(web.client) == []
    forget_counts(valkey)


@pytest.mark.parametrize(
    "forwarded_for",
    [
        ["10.0.0.9"],  # a client in the network of the operator
        ["203.0.113.50, 10.0.0.9"],  # … that writes another one before it
        ["203.0.113.50, 192.168.1.5"],
        ["203.0.113.50, 100.64.3.2"],
        ["203.0.113.50, fd00::7"],
        ["203.0.113.51, 8.8.8.8"],  # the same on the internet
        ["203.0.113.52", "8.8.4.4"],
        [",8.8.4.5"],
    ],
)
def test_behind_a_named_proxy_a_client_is_limited_whatever_it_writes_into_the_header(
    proxied_limited: LoggedWebServer, valkey: redis.Redis, forwarded_for: list[str]
) -> None:
    forget_counts(valkey)

    answers = [unknown(proxied_limited, *forwarded_for) for _ in range(MOST + 1)]

    assert answers == [404] * MOST + [429]
    assert warnings(proxied_limited.client) == []
    forget_counts(valkey)


def test_address_that_names_many_clients_is_reported_as_a_proxy(environment: Environment, valkey: redis.Redis) -> None:
    """An external balancer, before a proxy that is named."""
    with LoggedWebServer(environment | LIMITED | {"MAIN_TRUSTED_PROXIES": "127.0.0.1"}) as web:
        forget_counts(valkey)
        for number in range(CROWD - 1):
            unknown(web, f"203.0.113.{number}, 8.8.7.6")
        assert warnings(web.client) == []

        unknown(web, "203.0.113.200, 8.8.7.6")

        (warning,) = warnings(web.client)
        assert "MAIN_TRUSTED_PROXIES" in warning
        assert warnings(web.client, **{"X-Forwarded-For": "8.8.4.4"}) == []
        (line,) = [line for line in web.log().splitlines() if " WARNING " in line and "MAIN_TRUSTED" in line]
        assert "8.8.7.0/24" in line
        assert "if it is a proxy of yours; else there is nothing to do" in line, "any visitor can cause it"
        assert "8.8.7.6" not in web.log(), "any visitor may send the header"
    forget_counts(valkey)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def limited(watch: ProxyWatch, host: str, forwarded_for: str) -> str:
    headers = [(b"x-forwarded-for", forwarded_for.encode())]
    return str(watch.limited_address(HTTPConnection({"type": "http", "client": (host, 1), "headers": headers})))


def limited_behind_gateway(watch: ProxyWatch, told: str, believed: str) -> str:
    """The limited address of a request from the gateway at 127.0.0.7. `told`: the header that the gateway was sent."""
    headers = [(b"x-forwarded-for", believed.encode()), (b"x-slipbin-forwarded-for", told.encode())]
    return str(watch.limited_address(HTTPConnection({"type": "http", "client": ("127.0.0.7", 1), "headers": headers})))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> ProxyWatch:
    return ProxyWatch([ip_network("127.0.0.1")], now=clock)


def test_warning_ends_an_hour_after_its_cause_was_last_seen_and_comes_back_with_it(
    watch: ProxyWatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def is_warned_after(seconds: float) -> bool:
        clock.seconds += seconds
        return watch.warnings == [UNNAMED_PROXY]

    limited(watch, "10.0.0.1", "203.0.113.1")
    assert is_warned_after(WARNING_SECONDS - 1)
    limited(watch, "10.0.0.1", "203.0.113.1")
    assert is_warned_after(WARNING_SECONDS - 1)
    assert not is_warned_after(2)
    limited(watch, "10.0.0.1", "203.0.113.1")
    assert is_warned_after(0)

    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert all("10.0.0.0/24" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("peer", "forwarded_for"),
    [
        ("10.0.0.1", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.1, 10.0.0.9"),
        ("10.0.0.1", "unknown"),
        ("8.8.8.8", "203.0.113.1"),
        ("8.8.8.8", "127.0.0.7, 127.0.0.1"),
        ("127.0.0.1", "203.0.113.1"),
        ("127.0.0.1", "203.0.113.1, 10.0.0.9"),
        ("127.0.0.7", "203.0.113.1"),
    ],
)
def test_through_the_gateway_a_peer_is_treated_as_without_it(clock: Clock, peer: str, forwarded_for: str) -> None:
    """127.0.0.1 is trusted. 127.0.0.7 is the gateway, and nothing more where it is the peer of itself."""
    trusted = [ip_network("127.0.0.1")]
    direct, behind = ProxyWatch(trusted, now=clock), ProxyWatch(trusted, gateway=[ip_network("127.0.0.7")], now=clock)

    address = limited(direct, peer, forwarded_for)

    assert limited_behind_gateway(behind, f"{forwarded_for}, {peer}", "198.51.100.1") == address
    assert behind.warnings == direct.warnings


def test_header_of_the_gateway_is_nothing_from_others(watch: ProxyWatch) -> None:
    forged = (b"x-slipbin-forwarded-for", b"203.0.113.1, 10.0.0.1")
    named = [forged, (b"x-forwarded-for", b"198.51.100.1")]
    for peer, headers, limited_one in (("10.0.0.7", [forged], "10.0.0.7"), ("127.0.0.1", named, "198.51.100.1")):
        request = HTTPConnection({"type": "http", "client": (peer, 1), "headers": headers})
        assert str(watch.limited_address(request)) == limited_one
    assert watch.warnings == []


@pytest.mark.parametrize("forged", ["203.0.113.{}", "{}, 203.0.113.{}", "10.0.0.{}, 203.0.113.{}"])
def test_client_that_makes_addresses_up_is_one_line_and_a_question(
    watch: ProxyWatch, forged: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50 * CROWD):
        assert limited(watch, "8.8.8.8", forged.format(number % 256, number % 256)) == "8.8.8.8"

    assert watch.warnings == [PERHAPS_A_PROXY]
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_few_clients_or_ones_over_a_long_time_or_inside_a_company_make_no_proxy(
    watch: ProxyWatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for number in range(5 * CROWD):
        limited(watch, "8.8.8.8", f"10.1.2.{number}")
    for number in range(5 * CROWD):
        limited(watch, "8.8.4.4", "203.0.113.1")
        clock.seconds += CROWD_SECONDS / (CROWD - 2)
        assert limited(watch, "9.9.9.9", f"203.0.113.{number}") == "9.9.9.9"

    assert watch.warnings == []
    assert len(caplog.records) == 1
    assert "9.9" not in caplog.text
    assert "8.8" not in caplog.text


def test_speakers_that_are_remembered_are_bounded(watch: ProxyWatch) -> None:
    for number in range(2 * REMEMBERED_SPEAKERS):
        limited(watch, f"8.8.{number // 256}.{number % 256}", "203.0.113.1")

    assert len(watch._crowds._crowds) == REMEMBERED_SPEAKERS


def test_busy_proxy_is_found_among_many_senders_of_the_header(watch: ProxyWatch) -> None:
    for number in range(CROWD):
        limited(watch, "9.9.9.9", f"203.0.113.{number}")
        for other in range(REMEMBERED_SPEAKERS - 1):
            limited(watch, f"8.8.{number}.{other}", "203.0.113.1")

    assert watch.warnings == [PERHAPS_A_PROXY]
