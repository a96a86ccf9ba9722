"""`python -m main_service doctor` on a Redis that evicts, is full, or refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from main_service.doctor.redis_server import why_no_write
from tests.main_service.doctor.examined import PASSWORD, RANDOM, examine
from tests.support.engines import Environment, temporary_folder
from tests.support.own_valkey import address_of, own_valkey


@pytest.fixture(scope="module")
def valkey_folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture
def small_valkey(valkey_folder: Path) -> "Iterator[redis.Redis[str]]":
    with own_valkey(valkey_folder) as client:
        yield client


def test_redis_that_evicts_is_full_or_keeps_nothing(
    broken: Environment, small_valkey: "redis.Redis[str]", valkey_folder: Path
) -> None:
    there = broken | {"MAIN_REDIS_URL": address_of(valkey_folder)}
    small_valkey.config_set("maxmemory", "3mb")
    small_valkey.config_set("maxmemory-policy", "allkeys-lru")
    small_valkey.config_set("appendonly", "no")
    evicting = examine(there)
    small_valkey.config_set("maxmemory-policy", "noeviction")
    small_valkey.config_set("maxmemory", "1mb")
    broker = f"redis+socket://{valkey_folder}/valkey.sock?virtual_host=1"
    full_of = examine(there | {"MAIN_BROKER_URL": broker})

    assert "maxmemory-policy is allkeys-lru" in evicting.problem("Redis")
    assert "Set maxmemory-policy noeviction" in evicting.problem("Redis")
    assert "Set appendonly yes" in evicting.of("Redis", "warning")
    assert "has no memory left and takes no writes" in full_of.problem("Redis")
    assert "has no memory left and takes no writes. -> Raise maxmemory" in full_of.problem("workers")


def test_redis_whose_password_or_rights_are_wrong(
    broken: Environment, small_valkey: "redis.Redis[str]", valkey_folder: Path
) -> None:
    small_valkey.execute_command("ACL", "SETUSER", "poor", "on", f">{RANDOM}", "~*", "+@all", "-info", "-eval")
    small_valkey.config_set("requirepass", RANDOM)
    wrong = examine(broken | {"MAIN_REDIS_URL": address_of(valkey_folder, user=f":{PASSWORD}")})
    none = examine(broken | {"MAIN_REDIS_URL": address_of(valkey_folder)})
    poor = examine(broken | {"MAIN_REDIS_URL": address_of(valkey_folder, user=f"poor:{RANDOM}")})

    for each in (wrong, none):
        assert "refuses user or password, or asks for one" in each.problem("Redis")
    assert "may not run scripts" in poor.problem("Redis")
    assert "may not use INFO" in poor.problem("Redis")
    assert not any(PASSWORD in each.said or RANDOM in each.said for each in (wrong, none, poor))


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", "can't write to its disk"),
        ("command not allowed when used memory > 'maxmemory'.", "no memory left"),
        ("You can't write against a read only replica.", "a replica"),
        ("MOVED 3999 127.0.0.1:6381", "part of a cluster"),
        ("WEIRD thing", "(WEIRD)"),
    ],
)
def test_redis_that_refuses_everything(refusal: str, told: str) -> None:
    assert told in why_no_write(refusal)[0]
