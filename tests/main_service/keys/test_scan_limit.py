"""A client that asks for too many keys that stand for nothing is told to wait."""

from collections.abc import Iterator

import httpx
import pytest
import redis

from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, new_alias
from tests.support.web import WebServer

MOST = 5
ADDRESSES = {
    "198.51.100.1": ("198.51.100.1", "198.51.100.2"),
    "2001:db8:1:2::1": ("2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
}


COUNTERS = "*unknown-keys*"


@pytest.fixture(scope="module", params=[True, False], ids=["fast path", "no fast path"])
def scan_limited(request: pytest.FixtureRequest, environment: Environment) -> Iterator[WebServer]:
    """A web process with a low limit that believes what `X-Forwarded-For` says."""
    settings = {
        "MAIN_UNKNOWN_KEYS_PER_MINUTE": str(MOST),
        "MAIN_TRUSTED_PROXIES": "127.0.0.1",
        "MAIN_FAST_PATH": str(request.param),
    }
    with WebServer(environment | settings) as server:
        yield server


@pytest.fixture
def no_counts(valkey: redis.Redis) -> None:
    for name in valkey.scan_iter(COUNTERS):
        valkey.delete(name)


@pytest.mark.parametrize("address", ADDRESSES)
def test_client_that_asks_for_too_many_unknown_keys_must_wait_and_others_need_not(
    no_counts: None, scan_limited: WebServer, address: str
) -> None:
    same, other = ADDRESSES[address]
    link = create_link(scan_limited.client)

    def ask(path: str, **headers: str) -> httpx.Response:
        return scan_limited.client.get(path, headers={"X-Forwarded-For": headers.pop("sender", same), **headers})

    for number in range(MOST):
        answer = ask(f"/{new_alias()}{'/raw' if number % 2 else ''}", sender=address)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for path in (f"/{new_alias()}", f"/{new_alias()}/qr.svg", f"/api/v1/entries/{new_alias()}/text"):
        refused = ask(path)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_unknown_keys")
        assert 0 < int(refused.headers["retry-after"]) <= 60
    page = ask(f"/{new_alias()}", Accept="text/html")
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert "Try again in a minute" in page.text
    for _ in range(2):
        assert ask(f"/{link['key']}").status_code == 302, "what there is, anyone gets"
    assert ask(f"/{new_alias()}", sender=other).status_code == 404


def test_addresses_that_can_be_no_key_are_not_counted(no_counts: None, scan_limited: WebServer) -> None:
    assert {scan_limited.client.get(f"/no.key.{number}").status_code for number in range(2 * MOST)} == {404}


def test_private_entry_of_another_user_counts_as_an_unknown_key(no_counts: None, scan_limited: WebServer) -> None:
    """Or counting would tell the two apart."""
    owner = new_user(scan_limited.client)
    key = create_paste(scan_limited.client, headers=owner.headers, visibility="private")["key"]

    answers = [scan_limited.client.get(f"/{key}") for _ in range(MOST + 1)]

    assert [answer.status_code for answer in answers] == [404] * MOST + [429]


def test_count_is_of_a_minute_and_costs_one_small_counter(
    no_counts: None, scan_limited: WebServer, valkey: redis.Redis
) -> None:
    scan_limited.client.get(f"/{new_alias()}", headers={"X-Forwarded-For": "203.0.113.5"})
    before = set(valkey.keys(COUNTERS))
    for _ in range(5 * MOST):
        scan_limited.client.get(f"/{new_alias()}")

    (counter,) = set(valkey.keys(COUNTERS)) - before
    assert valkey.memory_usage(counter) < 200
    assert 0 < valkey.pttl(counter) <= 60_000
    valkey.delete(counter)
    assert scan_limited.client.get(f"/{new_alias()}").status_code == 404


def test_process_counts_by_itself_while_redis_is_away(environment: Environment) -> None:
    away = {"MAIN_UNKNOWN_KEYS_PER_MINUTE": str(MOST), "MAIN_REDIS_URL": "redis://127.0.0.1:1/0"}
    with WebServer(environment | away) as server:
        answers = [server.client.get(f"/{new_alias()}").status_code for _ in range(MOST)]
    assert answers == [404] * (MOST // 2) + [429] * (MOST - MOST // 2)
