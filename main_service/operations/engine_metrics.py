"""Reads the metrics of the engines and the machine at a scrape: all at once, within two seconds.

An engine that does not answer in time is reported as down; its other metrics are left out.
"""

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from main_service.engines.redis import RedisUnavailableError
from main_service.errors import AppError
from main_service.keys.bloom import KeyHasher
from main_service.keys.filter_bitmaps import Bitmap, FilterBitmaps
from main_service.keys.pool import Pool
from main_service.monitoring import scraped
from main_service.monitoring.scraped import ScrapedValues
from main_service.operations import database_counts, served_certificate
from main_service.operations.parts import PARTS
from main_service.resources import Resources
from main_service.settings import Settings
from main_service.task_runs import read_runs
from main_service.visit_stream.reader import DEAD_LETTERS, VisitStream
from main_service.visit_stream.record import STREAM

logger = logging.getLogger(__name__)

ASK_SECONDS = 2.0
"""How long all questions together may take."""
QUEUES = ("main_service", "main_service.slow")
"""The queues of background tasks, which web processes do not import."""
TOP_UP = "keygen_service.top_up"
"""The task of keygen_service, which notes the size of the pools with its runs."""


class EngineQuestions:
    """Asks the engines; one per process. Scrapes at the same time share one asking."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._settings = resources.settings
        self._broker = broker_client(resources.settings.broker_url)
        self._bitmaps = FilterBitmaps(resources.redis, hasher=KeyHasher(resources.settings.secret))
        self._asking: asyncio.Task[ScrapedValues] | None = None

    async def ask(self) -> ScrapedValues:
        """The answers of now; those of a question that fails are missing."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def close(self) -> None:
        if self._broker is not None:
            await self._broker.aclose()

    async def _ask(self) -> ScrapedValues:
        answers = ScrapedValues()
        questions: list[Coroutine[Any, Any, None]] = [
            self._ask_part("database", PARTS["database"], [self._database], answers),
            self._ask_part("redis", PARTS["redis"], [self._visits, self._pools, self._filter, self._tasks], answers),
            self._ask_part("text_store", PARTS["text_store"], [], answers),
            self._queues(answers),
            self._certificate(answers),
            asyncio.to_thread(_disks, self._settings, answers),
        ]
        asking = [asyncio.create_task(_logged(question)) for question in questions]
        # Not asyncio.timeout: cancelling a call of an engine that hangs may take seconds.
        _, late = await asyncio.wait(asking, timeout=ASK_SECONDS)
        for each in late:
            each.cancel()
        return answers.so_far()

    async def _ask_part(
        self,
        name: str,
        check: Callable[[Resources], Awaitable[None]],
        questions: Sequence[Callable[[ScrapedValues], Coroutine[Any, Any, None]]],
        answers: ScrapedValues,
    ) -> None:
        """Check a part, and ask it the rest if it answers."""
        answers.add(scraped.PART_UP, 0, name)
        answers.add(scraped.PART_CHECK, ASK_SECONDS, name)
        began_at = time.perf_counter()
        try:
            await check(self._resources)
        except (AppError, RedisUnavailableError):
            # The client of the part counts and logs it.
            answers.add(scraped.PART_CHECK, time.perf_counter() - began_at, name)
            return
        answers.add(scraped.PART_UP, 1, name)
        answers.add(scraped.PART_CHECK, time.perf_counter() - began_at, name)
        for question in questions:
            await _logged(question(answers))

    async def _database(self, answers: ScrapedValues) -> None:
        async with self._resources.sessions() as session:
            counts = await database_counts.count(session)
        answers.add(scraped.EMAILS, counts.mail_waiting, "waiting")
        answers.add(scraped.EMAILS, counts.mail_failed, "failed")
        answers.add(scraped.STALE_KEYS, counts.stale_keys)
        answers.add(scraped.TEXTS_DUE, counts.texts_due)
        answers.add(scraped.SCHEMA, 1, counts.revision, database_counts.expected_revision())

    async def _visits(self, answers: ScrapedValues) -> None:
        async def lengths(redis: Redis) -> list[int]:
            async with redis.pipeline(transaction=False) as pipe:
                pipe.xlen(STREAM)
                pipe.xlen(DEAD_LETTERS)
                return list(await pipe.execute())

        waiting, dead = await self._resources.redis.call(lengths)
        oldest_ms = await VisitStream(self._resources.redis).oldest_ms()
        answers.add(scraped.STREAM_LENGTH, waiting)
        answers.add(scraped.STREAM_AGE, 0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000))
        answers.add(scraped.DEAD_LETTERS, dead)

    async def _pools(self, answers: ScrapedValues) -> None:
        async def depths(redis: Redis) -> list[int]:
            async with redis.pipeline(transaction=False) as pipe:
                for pool in Pool:
                    pipe.scard(pool.value)
                return list(await pipe.execute())

        for pool, depth in zip(Pool, await self._resources.redis.call(depths), strict=True):
            answers.add(scraped.POOL_KEYS, depth, pool.name.lower())

    async def _filter(self, answers: ScrapedValues) -> None:
        if not (bitmaps := await self._bitmaps.list_all()):
            return
        complete = [each for each in bitmaps if is_filter_complete(each.size, bitmaps, self._bitmaps)]
        used = [each for each in complete or bitmaps if each.size == (complete or bitmaps)[-1].size]
        answers.add(scraped.FILTER_COMPLETE, bool(complete))
        answers.add(scraped.FILTER_FILL, sum(each.fill for each in used) / len(used))

    async def _tasks(self, answers: ScrapedValues) -> None:
        for name, run in (await read_runs(self._resources.redis)).items():
            if run.done_at is not None:
                answers.add(scraped.TASK_LAST_SUCCESS, run.done_at, name)
            if name == TOP_UP and isinstance(size := (run.details or {}).get("pool_size"), int):
                for pool in Pool:
                    answers.add(scraped.POOL_CAPACITY, size, pool.name.lower())

    async def _queues(self, answers: ScrapedValues) -> None:
        if self._broker is None:
            return
        for queue in QUEUES:
            answers.add(scraped.QUEUE_LENGTH, await self._broker.llen(queue), queue)

    async def _certificate(self, answers: ScrapedValues) -> None:
        if self._settings.tls_address is None:
            return
        host, _, port = self._settings.tls_address.rpartition(":")
        name = urlsplit(self._settings.public_url).hostname or host
        end = await served_certificate.ends_at(host.strip("[]"), int(port), server_name=name)
        answers.add(scraped.CERTIFICATE, end.timestamp())


async def _logged(question: Coroutine[Any, Any, None]) -> None:
    """Ask, and leave out what fails, without a traceback for what is away."""
    try:
        await question
    except (AppError, RedisUnavailableError, RedisError, OSError, ValueError) as error:
        logger.debug("Not told at this scrape: %r", error)
    except Exception:
        logger.exception("A metric can't be told")


def is_filter_complete(size: int, bitmaps: Sequence[Bitmap], of: FilterBitmaps) -> bool:
    """Whether all parts of the filter of this size are complete."""
    return sum(each.is_complete for each in bitmaps if each.size == size) == of.places(size)


def broker_client(url: str) -> "Redis | None":
    """A client of Celery's broker; None if that is no Redis that is found by its address alone."""
    parts = urlsplit(url)
    options: dict[str, Any] = {"socket_timeout": ASK_SECONDS, "socket_connect_timeout": ASK_SECONDS}
    if parts.scheme in ("redis", "rediss"):
        return Redis.from_url(url, **options)
    if parts.scheme != "redis+socket":
        return None
    database = dict(pair.partition("=")[::2] for pair in parts.query.split("&")).get("virtual_host", "0")
    return Redis(unix_socket_path=unquote(parts.path), db=int(database or 0), password=parts.password, **options)


def _places(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "root", Path("/")
    yield "temporary", Path(tempfile.gettempdir())
    for place, url in (("texts", settings.body_store_url), ("emails", settings.smtp_url or "")):
        parts = urlsplit(url)
        if parts.scheme == "file":
            yield place, Path(unquote(parts.path))


def _disks(settings: Settings, answers: ScrapedValues) -> None:
    for place, path in _places(settings):
        try:
            disk = os.statvfs(path)
        except OSError:
            continue
        answers.add(scraped.DISK_FREE, disk.f_bavail * disk.f_frsize, place)
        answers.add(scraped.DISK_SIZE, disk.f_blocks * disk.f_frsize, place)
        # Some file systems allocate inodes as needed, and report none.
        if disk.f_files:
            answers.add(scraped.DISK_FILES_FREE, disk.f_favail, place)
            answers.add(scraped.DISK_FILES, disk.f_files, place)
