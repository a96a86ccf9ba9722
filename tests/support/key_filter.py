"""Does to the membership filter what the worker does, at once instead of in its rounds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import redis

from main_service.keys.bloom import LARGEST_PART, KeyHasher
from main_service.keys.filter_bitmaps import FIRST_SIZE, Bitmap, FilterBitmaps
from main_service.keys.filter_rebuild import FilterRebuild
from main_service.resources import Resources, open_resources
from tests.support.engines import Environment
from tests.support.settings import settings_of
from tests.support.waiting import eventually_async

REGISTRY = "known:{0}"
NO_CREATE_RUNS = timedelta(0)
NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"


@dataclass(frozen=True)
class Filter:
    resources: Resources
    bitmaps: FilterBitmaps
    most_bytes: int

    async def rebuild(self, worker: FilterRebuild | None = None) -> Bitmap:
        """Rebuild until the filter is complete; by default at once, so no create may run meanwhile."""
        worker = worker or FilterRebuild(longest_create=NO_CREATE_RUNS)

        async def complete() -> Bitmap | None:
            found = await self.bitmaps.list_all()
            if all(bitmap.is_complete for bitmap in found):
                return found[-1]
            await self.step(worker)
            return None

        found = await eventually_async(complete, "a complete filter")
        assert found
        return found

    async def step(self, worker: FilterRebuild) -> None:
        """One round of the worker."""
        await worker.step(self.resources.sessions, self.bitmaps, most_bytes=self.most_bytes)


@asynccontextmanager
async def open_filter(
    environment: Environment,
    *,
    first_size: int = FIRST_SIZE,
    largest_part: int = LARGEST_PART,
    most_bytes: int = 2**30,
) -> AsyncIterator[Filter]:
    settings = settings_of(environment)
    async with open_resources(settings, for_task=True) as resources:
        hasher = KeyHasher(settings.secret)
        bitmaps = FilterBitmaps(resources.redis, hasher=hasher, first_size=first_size, largest_part=largest_part)
        yield Filter(resources, bitmaps, most_bytes)


async def rebuild_filter(environment: Environment) -> None:
    async with open_filter(environment) as known:
        await known.rebuild()


def reset_filter(valkey: redis.Redis) -> None:
    """Forget the bitmaps, as a restart of Redis does."""
    valkey.delete(REGISTRY)


def without_postgres(environment: Environment) -> Environment:
    """The environment of a process that answers 503 where it would have asked PostgreSQL."""
    return environment | {"MAIN_DATABASE_URL": NOWHERE}


def bitmap_name(valkey: redis.Redis) -> str:
    (name,) = valkey.hkeys(REGISTRY)
    assert f":{valkey.info('server')['run_id']}:" in name
    return str(name)


def clear_cache(valkey: redis.Redis) -> None:
    """Delete cached entries and tombstones, so that the next reader asks the filter."""
    for name in valkey.scan_iter("entry:{0}:*"):
        valkey.delete(name)
