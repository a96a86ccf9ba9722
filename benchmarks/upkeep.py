"""What other processes of Slipbin do all the time, done when nothing is measured; and how many visits are recorded."""

import json
from collections.abc import Mapping

from redis import Redis

from keygen_service.pool import KeyPools, connect
from main_service.visit_stream.record import STREAM

READY_KEYS = 100_000
_RECORDS_PER_READ = 1_000


def keep_up(settings: Mapping[str, str], *, appendfsync: str = "everysec") -> None:
    """Ready keys, a stream without visits, and a Valkey that writes to disk as often as it should."""
    with connect(settings["KEYGEN_REDIS_URL"]) as redis:
        KeyPools(redis, pool_size=READY_KEYS).top_up()
    with Redis.from_url(settings["MAIN_REDIS_URL"]) as redis:
        redis.unlink(STREAM)
        redis.config_set("appendfsync", appendfsync)


def count_visits(settings: Mapping[str, str]) -> int:
    """How many visits are in the stream. A batch that is there twice counts once, as it does for the ingest."""
    visits: dict[bytes, int] = {}
    after = "-"
    with Redis.from_url(settings["MAIN_REDIS_URL"]) as redis:
        while records := redis.xrange(STREAM, min=after, count=_RECORDS_PER_READ):
            visits.update((fields[b"id"], len(json.loads(fields[b"v"]))) for _, fields in records)
            after = f"({records[-1][0].decode()}"
    return sum(visits.values())
