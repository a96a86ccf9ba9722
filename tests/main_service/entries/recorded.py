"""Reads the visits that are in the stream, for tests of what is recorded."""

import json
import time
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

import redis

from main_service.visit_stream.record import STREAM
from tests.support.engines import Environment

OWN_DATABASE = 9
"""Of Valkey, where nobody but these tests takes visits out of the stream."""
WAIT_SECONDS = 30.0


class Visit(NamedTuple):
    """The fields of a visit in the stream, in their order."""

    at_ms: int
    key: str
    ip: str | None
    visitor: str | None
    user_agent: str
    referrer: str
    language: str


def apart(environment: Environment) -> Environment:
    """The same engines, but keys, cache and visits of Valkey by themselves."""
    url = environment["MAIN_REDIS_URL"].partition("?")[0]
    return environment | {"MAIN_REDIS_URL": f"{url}?db={OWN_DATABASE}"}


def newest_record(valkey: "redis.Redis[str]") -> str:
    """Where to begin reading, for what is recorded from now on."""
    newest = valkey.xrevrange(STREAM, count=1)
    return f"({newest[0][0]}" if newest else "-"


def batches(valkey: "redis.Redis[str]", *, since: str = "-") -> list[tuple[str, list[Visit]]]:
    """Id and visits of each record, oldest first; `since`: a `newest_record`."""
    found = []
    for _, fields in valkey.xrange(STREAM, min=since):
        assert fields.keys() == {"id", "f", "v"}
        assert fields["f"] == "1"
        assert str(UUID(fields["id"])) == fields["id"]
        visits = [Visit(*fields) for fields in json.loads(fields["v"])]
        assert visits, "an empty record"
        found.append((fields["id"], visits))
    return found


def visits_to(valkey: "redis.Redis[str]", *keys: str, since: str = "-") -> list[Visit]:
    """All visits to these entries, in their order; a record that came again under its id counts once."""
    once = dict(reversed(batches(valkey, since=since)))
    return [visit for visits in reversed(once.values()) for visit in visits if visit.key in keys]


def counts(valkey: "redis.Redis[str]", keys: Collection[str]) -> Counter[str]:
    """Visits of each entry that had one."""
    return Counter(visit.key for visit in visits_to(valkey, *keys))


def wait_for_counts(valkey: "redis.Redis[str]", expected: Counter[str]) -> None:
    """Until the stream has as many visits to these entries; fails if it has not in time, or has more."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := counts(valkey, expected)) != expected:
        assert found <= expected, (found, expected)
        assert time.monotonic() < deadline, (found, expected)
        time.sleep(0.05)
