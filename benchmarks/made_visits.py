"""Visits as web processes record them, made up and put into the stream."""

import json
import random
import time
from typing import Any
from uuid import uuid4

from redis import Redis

from main_service.visit_stream.record import FORMAT, STREAM

ENTRIES = 1_000
BATCH = 25
"""Visits in a record, as 64 connections make them."""

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{}"
_AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/{{}}.0.0.0",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROME} Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-X710) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{}.0) Gecko/20100101 Firefox/{}.0",
    "Mozilla/5.0 (compatible; Googlebot/2.{}; +http://www.google.com/bot.html)",
)
_VERSIONS = range(120, 145)
_LANGUAGES = ("en-US", "en-GB", "de", "fr-FR", "es", "pt-BR", "zh-CN", "ja")


def fill_stream(redis_url: str, visits: int) -> None:
    """Fill the stream with visits of the last seconds to the entries `key1`, `key2` and so on."""
    drawn = random.Random(7)
    agents = [agent.replace("{}", str(version)) for agent in _AGENTS for version in _VERSIONS]
    with Redis.from_url(redis_url) as connection:
        for _ in range(visits // (BATCH * 100)):
            with connection.pipeline(transaction=False) as pipe:
                for _ in range(100):
                    batch = [_visit(drawn, drawn.choice(agents)) for _ in range(BATCH)]
                    pipe.xadd(STREAM, {"id": str(uuid4()), "f": str(FORMAT), "v": json.dumps(batch)})
                pipe.execute()


def _visit(drawn: random.Random, agent: str) -> list[Any]:
    """A visit within the last ten seconds; half of the visits have a referrer."""
    number = drawn.randrange(1_000)
    referrer = f"https://www.site{number % 50}.example.net/thread/{number}" if drawn.random() < 0.5 else ""
    return [
        int(time.time() * 1000) - drawn.randrange(10_000),
        f"key{drawn.randint(1, ENTRIES)}",
        f"203.{drawn.randrange(64)}.{drawn.randrange(256)}.0",
        f"{drawn.getrandbits(64):016x}",
        agent,
        referrer,
        drawn.choice(_LANGUAGES),
    ]
