"""Runs `python -m main_service status` on databases of Redis of its own."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.waiting import eventually


class Screen(NamedTuple):
    status: int
    text: str

    @property
    def words(self) -> str:
        """The text in one line, wherever it was wrapped."""
        return " ".join(self.text.split())


def look(environment: Environment) -> Screen:
    done = forking.run("-m", "main_service", "status", environment=full(environment), timeout=START_SECONDS)
    return Screen(done.returncode, done.stdout.decode() + done.stderr.decode())


def look_until(words: str, environment: Environment, *more: str) -> Screen:
    """Look until it says so, all of it: on a busy machine, what is asked may answer too late to be told."""

    def find() -> Screen | None:
        screens.append(look(environment))
        return screens[-1] if all(each in screens[-1].words for each in (words, *more)) else None

    screens: list[Screen] = []
    try:
        return eventually(find, ", ".join((words, *more)))
    except AssertionError as error:
        raise AssertionError(f"{error}\n{screens[-1].text}") from None


def look_as_json_until(is_told: Callable[[dict[str, Any]], object], environment: Environment) -> dict[str, Any]:
    """Look until it tells this."""
    said: list[dict[str, Any]] = []

    def find() -> bool:
        said.append(look_as_json(environment))
        return bool(is_told(said[-1]))

    try:
        eventually(find, "a status that tells it")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{said[-1]}") from None
    return said[-1]


def look_as_json(environment: Environment) -> dict[str, Any]:
    done = forking.run("-m", "main_service", "status", "--json", environment=full(environment), timeout=START_SECONDS)
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["is_well"] == (done.returncode == 0)
    return told


def own_redis(environment: Environment, number: int) -> Environment:
    """Databases of Redis that no other test uses."""
    url = environment["MAIN_REDIS_URL"].replace("db=0", f"db={number}")
    broker = environment["MAIN_BROKER_URL"].replace("=1", f"={number + 1}")
    return environment | {
        "MAIN_REDIS_URL": url,
        "KEYGEN_REDIS_URL": url,
        "MAIN_BROKER_URL": broker,
        "KEYGEN_BROKER_URL": broker,
        "KEYGEN_POOL_SIZE": "500",
    }
