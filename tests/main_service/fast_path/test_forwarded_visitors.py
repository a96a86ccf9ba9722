"""The fast path finds the visitor that FastAPI finds in `X-Forwarded-For`, and keeps nothing of what clients write."""

import tracemalloc
from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
import redis

from main_service.fast_path.forwarded_visitors import ForwardedVisitors
from main_service.visit_stream.encoder import VisitEncoder
from main_service.web.client_address import believed_address
from tests.support.engines import Environment
from tests.support.entries import create_link
from tests.support.raw_http import get_request, on_a_kept_connection
from tests.support.settings import settings_of
from tests.support.visits import streamed_visits
from tests.support.web import WebServer

VALUES = [
    b"203.0.113.9",
    b"203.0.113.9:4711",
    b"198.51.100.77, 203.0.113.9",
    b"198.51.100.77,203.0.113.9,10.1.2.3",
    b"198.51.100.77 ,\t10.9.9.9 , 10.1.2.3",
    b"10.1.2.3",
    b"10.1.2.3,10.1.2.4",
    b"203.0.113.9, 127.0.0.1, 2001:db8:ffff::1",
    b"2001:db8:1:2::3",
    b"[2001:db8:1:2::3]:80",
    b"2001:DB8:0001:2:0:0:0:3",
    b"fe80::1%eth0",
    b"fe80::1%eth1",
    b"::ffff:203.0.113.9",
    b"::ffff:10.1.2.3",
    b"::cb00:7109",
    b"::1",
    b"203.0.113.9\xa0",
    b"203.0.113.9,",
    b"203.0.113.9,,10.1.2.3",
    b",203.0.113.9",
    b",",
    b"",
    b"unknown",
    b"unknown, 10.1.2.3",
    b"203.0.113.09",
    b"203.0.113",
    b"203.0.113.256",
    b"3405803785",
    b"0xcb.0.113.9",
    b"2001:db8::1::2",
    b"\xb2\xb03.0.113.9",
    b"a" * 3_000,
    b"a" * 3_000 + b",203.0.113.9",
    b"10.1.2.3," * 500 + b"10.1.2.4",
]


def test_visitor_is_the_one_that_fastapi_finds(
    web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = str(create_link(web.client)["key"])
    requests = [get_request(f"/{key}", b"X-Forwarded-For: %b\r\n" % value) for value in VALUES]
    # The first reader leaves a cached entry.
    on_a_kept_connection(web, get_request(f"/{key}"))
    for server in (web, plain_web):
        assert {answer.status for answer in on_a_kept_connection(server, *requests)} == {302}

    visits = [(visit.ip, visit.visitor) for visit in streamed_visits(valkey, key)][1:]
    fast, plain = visits[: len(VALUES)], visits[len(VALUES) :]
    found = dict(zip(VALUES, fast, strict=True))
    assert found == dict(zip(VALUES, plain, strict=True))
    assert found[b"198.51.100.77,203.0.113.9,10.1.2.3"] == found[b"203.0.113.9"]
    assert found[b"fe80::1%eth0"] == found[b"fe80::1%eth1"]
    assert [found[value][0] for value in (b"203.0.113.9", b"2001:db8:1:2::3", b"unknown", b"")] == [
        "203.0.113.0",
        "2001:db8:1::",
        "127.0.0.0",
        "127.0.0.0",
    ]


def find_on_the_fast_path(environment: Environment) -> Callable[[str], object]:
    encoder = VisitEncoder(settings_of(environment))
    visitors = ForwardedVisitors(encoder, [ip_network("10.0.0.0/8")])
    proxy = encoder.visitor_address(ip_address("10.0.0.1"))
    return lambda value: visitors.find(proxy, value.encode("latin-1"))


def find_for_fastapi(_: Environment) -> Callable[[str], object]:
    return lambda value: believed_address("10.0.0.1", [value], [ip_network("10.0.0.0/8")])


@pytest.mark.parametrize("make", [find_on_the_fast_path, find_for_fastapi])
@pytest.mark.parametrize("end", ["", ",203.0.113.9", "%{}", ",fe80::1%{}", "203.0.113.{}"])
def test_what_clients_write_is_not_kept(
    make: Callable[[Environment], Callable[[str], object]], end: str, environment: Environment
) -> None:
    find = make(environment)
    tracemalloc.start()
    try:
        for number in range(6_000):
            find(f"{number:05}{end.format(f'{number:0>3000}')}".rjust(3_000))
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 4_000_000
