"""What a web process keeps of an hour's worth of different addresses: 100 new ones a second.

They are put straight into the stores. Most are links that Redis has, as hundreds of thousands of entries that are read
have been read before; some are links that only PostgreSQL has, and some are texts, more than a process may keep.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from redis import Redis

from benchmarks.engines import execute
from benchmarks.entries import link_target
from benchmarks.errors import BenchmarkError
from benchmarks.load import loading
from benchmarks.machine import Machine
from benchmarks.memory import Memory, memory_of
from benchmarks.race import Races
from benchmarks.upkeep import keep_up
from benchmarks.web_service import web_service
from benchmarks.work import gets, shuffled
from main_service.entries.cache import cache_key

ADDRESSES = 360_000
ROWS = 5_000
"""Links of these that only PostgreSQL has."""
TEXTS = 4_000
"""Texts of these, of 10 KB each."""
CACHED = ADDRESSES - ROWS - TEXTS

_ROUND_SECONDS = 4
_LONGEST_ROUNDS = 60
_CACHED_PER_COMMAND = 1_000


@dataclass(frozen=True, kw_only=True)
class Hour:
    before: Memory
    after: Memory
    requests: int
    failures: Mapping[str, int]
    """How many of these failed, by kind of failure."""


def measure_hour(machine: Machine, races: Races, folder: Path, settings: Mapping[str, str]) -> Hour:
    """Each address is asked for at least once. The entries of `races` are the patterns of those that are made.

    Raises:
        BenchmarkError: it takes too long.
    """
    keep_up(settings)
    paths = shuffled(_make_entries(races, settings))
    asked, failures = 0, Counter[str]()
    with web_service(folder, settings=settings, core=machine.core) as service, service.process("hour") as child:
        before = memory_of(child.pid)
        for _ in range(_LONGEST_ROUNDS):
            work = gets(folder / "hour", paths[asked:])
            with loading(machine, work, service.url, seconds=_ROUND_SECONDS) as load:
                answers = load.wait()
            failures.update(answers.failures)
            # What ends a round unanswered has been asked for, but might not have been read.
            asked += answers.requests
            keep_up(settings)
            if asked >= len(paths):
                return Hour(before=before, after=memory_of(child.pid), requests=asked, failures=failures)
    raise BenchmarkError(f"Of an hour's {len(paths):,} addresses only {asked:,} were answered in time.")


def _make_entries(races: Races, settings: Mapping[str, str]) -> list[str]:
    """Make the entries of the races; return their paths."""
    execute(
        settings,
        f"""
        INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url)
        SELECT 'row' || number, 'link', 'unlisted', now(), now(), now() + interval '1 day',
               'https://news.example.org/2025/11/articles/' || number
        FROM generate_series(1, {ROWS}) AS number
        """,
    )
    with Redis.from_url(settings["MAIN_REDIS_URL"]) as redis:
        cached = dict(_cached_links(redis, races)) | dict(_cached_texts(redis, races, settings))
        names = list(cached)
        for start in range(0, len(names), _CACHED_PER_COMMAND):
            redis.mset({cache_key(name): cached[name] for name in names[start : start + _CACHED_PER_COMMAND]})
    links = [f"/row{number}" for number in range(1, ROWS + 1)] + [f"/link{number}" for number in range(CACHED)]
    return links + [f"/text{number}/raw" for number in range(TEXTS)]


def _cached_links(redis: "Redis", races: Races) -> Iterator[tuple[str, bytes]]:
    key, target = next(iter(races.links.items()))
    link = _cached(redis, key)
    for number in range(CACHED):
        yield f"link{number}", link.replace(target.encode(), link_target(number).encode())


def _cached_texts(redis: "Redis", races: Races, settings: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    text = _cached(redis, next(iter(races.texts)))
    folder = Path(unquote(urlsplit(settings["MAIN_BODY_STORE_URL"]).path))
    file = next(path for path in folder.glob("*/*") if UUID(path.name).hex.encode() in text)
    for number in range(TEXTS):
        body_id = uuid4()
        # Another name of the same file: for a web process, which goes by the name, it is a text like any other.
        link = folder / str(body_id)[:2] / str(body_id)
        link.parent.mkdir(exist_ok=True)
        os.link(file, link)
        one = text.replace(UUID(file.name).hex.encode(), body_id.hex.encode())
        yield f"text{number}", one.replace(file.name.encode(), str(body_id).encode())


def _cached(redis: "Redis", key: str) -> bytes:
    cached = redis.get(cache_key(key))
    if not isinstance(cached, bytes):
        raise BenchmarkError(f"Redis did not cache {key}, which was read")
    return cached
