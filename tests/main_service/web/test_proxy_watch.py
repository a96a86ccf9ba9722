"""A proxy that MAIN_TRUSTED_PROXIES does not name makes no client pay for another, and the operator is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.main_service.entries.making import new_alias
from tests.support.running import Environment, WebServer

MOST = 2


@pytest.fixture(scope="module")
def proxied(environment: Environment) -> Iterator[WebServer]:
    settings = {
        "MAIN_UNKNOWN_KEYS_PER_MINUTE": str(MOST),
        "MAIN_TRUSTED_PROXIES": "127.0.0.1",
        "MAIN_FAST_PATH": "false",
    }
    with WebServer(environment | settings) as server:
        yield server


def forget_counts(valkey: redis.Redis) -> None:
    for name in valkey.scan_iter("*unknown-keys*"):
        valkey.delete(name)


def unknown(web: WebServer, *forwarded_for: str) -> int:
    headers = [("X-Forwarded-For", value) for value in forwarded_for]
    return web.client.get(f"/{new_alias()}", headers=headers).status_code


def test_behind_an_unnamed_proxy_nobody_is_limited_by_its_address_and_the_operator_is_told(
    environment: Environment, valkey: redis.Redis, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    settings = environment | {"MAIN_UNKNOWN_KEYS_PER_MINUTE": str(MOST), "MAIN_FAST_PATH": "false"}
    with path.open("wb") as log, WebServer(settings, log=log) as web:
        assert "warnings" not in web.client.get("/health/ready").json()
        forget_counts(valkey)

        assert {unknown(web, f"203.0.113.{number}") for number in range(3 * MOST)} == {404}

        (warning,) = web.client.get("/health/ready").json()["warnings"]
        assert "MAIN_TRUSTED_PROXIES" in warning
        assert "127.0.0.1" not in warning
        direct = [unknown(web) for _ in range(MOST + 1)]
        assert direct == [404] * MOST + [429], "who connects without a proxy is limited as ever"
    lines = [line for line in path.read_text().splitlines() if "MAIN_TRUSTED_PROXIES" in line]
    assert len(lines) == 1
    assert lines[0].startswith("WARNING")
    assert "127.0.0.1" in lines[0]
    forget_counts(valkey)


@pytest.mark.parametrize(
    ("forwarded_for", "is_limited"),
    [
        (["203.0.113.50, 10.0.0.9"], False),  # a second proxy, unnamed, in front of the named one
        (["10.0.0.9"], True),  # a client in the network of the operator
        (["203.0.113.51, 8.8.8.8"], True),  # what a client on the internet has written itself
        (["203.0.113.52", "8.8.4.4"], True),
    ],
)
def test_behind_a_named_proxy_only_another_unnamed_one_lifts_the_limit(
    proxied: WebServer, valkey: redis.Redis, forwarded_for: list[str], is_limited: bool
) -> None:
    forget_counts(valkey)

    answers = [unknown(proxied, *forwarded_for) for _ in range(MOST + 1)]

    assert answers == [404] * MOST + [429 if is_limited else 404]
    forget_counts(valkey)
