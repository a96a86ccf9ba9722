"""The cost of a client that tries random keys."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import redis

from main_service.keys.pool import draw_key
from tests.support.entries import new_alias
from tests.support.key_filter import bitmap_name
from tests.support.raw_http import PlainClient
from tests.support.web import WebServer

AT_ONCE = 4
SCANNED = 10_000
HIGHEST_SHARE = 0.002
HIGHEST_GROWTH_BYTES = 256 * 1024
COUNTER = "limit:{0}:unknown-keys:"


async def test_scan_of_random_keys_costs_postgres_few_queries_and_redis_no_memory(
    complete: None, cut_off: WebServer, valkey: redis.Redis
) -> None:
    """The key filter is nearly full here. A request that is answered with 503 would have asked PostgreSQL."""
    name = bitmap_name(valkey)
    noise = f"{name}:noise"
    valkey.setrange(noise, 1, os.urandom(2**20 * 15 // 16))
    valkey.bitop("OR", name, name, noise)
    valkey.delete(noise)
    assert cut_off.client.get(f"/{new_alias()}").status_code in (404, 503)
    names, used_bytes = set(valkey.keys()), valkey.info("memory")["used_memory_dataset"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        scans = pool.map(lambda _: scan(cut_off, SCANNED // AT_ONCE), range(AT_ONCE))
    answers = Counter(status for scan_answers in scans for status in scan_answers)

    print(answers, valkey.info("memory")["used_memory_dataset"] - used_bytes)
    assert answers.keys() <= {404, 503}
    assert answers[503] < SCANNED * HIGHEST_SHARE
    # The client's counter of unknown keys is there for a millisecond after each.
    assert [each for each in set(valkey.keys()) - names if not each.startswith(COUNTER)] == []
    assert valkey.info("memory")["used_memory_dataset"] - used_bytes < HIGHEST_GROWTH_BYTES


def scan(server: WebServer, keys: int) -> list[int]:
    with PlainClient(server) as client:
        return [client.get(f"/{draw_key(7)}") for _ in range(keys)]
