"""A writer of visits behind a gate, what is given to it, and what it has written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import redis

from main_service.resources import open_resources
from main_service.settings import Settings
from main_service.visit_stream.record import EncodedVisit, as_json, encode_visit
from main_service.visit_stream.writer import VisitWriter
from tests.support.gates import Gated
from tests.support.visits import read_batches

HANGS_SECONDS = 30.0


@asynccontextmanager
async def open_writer(gated: Gated, *, buffer: int = 10_000) -> AsyncIterator[VisitWriter]:
    names = {name.removeprefix("MAIN_").lower(): value for name, value in gated.environment.items()}
    fields: dict[str, Any] = {name: value for name, value in names.items() if name in Settings.model_fields}
    async with open_resources(Settings(**fields, visit_buffer=buffer)) as resources:
        yield resources.visit_writer


def visit(key: str = "key", *, user_agent: str = "", referrer: str = "") -> EncodedVisit:
    return encode_visit(
        1_700_000_000_000,
        key,
        ip="null",
        visitor="null",
        user_agent=as_json(user_agent),
        referrer=as_json(referrer),
        language='""',
    )


def recording(writer: VisitWriter, count: int, *, first: int = 0) -> list["asyncio.Task[None]"]:
    """Record `count` visits at once, to keys that are numbers from `first` on."""
    return [asyncio.create_task(writer.record(visit(str(first + number)))) for number in range(count)]


def recorded(valkey: "redis.Redis[str]") -> list[list[str]]:
    """The keys in each record."""
    return [[each.key for each in visits] for _, visits in read_batches(valkey)]


def in_order(valkey: "redis.Redis[str]") -> list[str]:
    return [key for keys in recorded(valkey) for key in keys]


async def in_time(work: Awaitable[object]) -> None:
    """Wait for what must be over before Redis is back, which it is only after the test has gone on."""
    await asyncio.wait_for(asyncio.ensure_future(work), HANGS_SECONDS)


async def fall_behind(writer: VisitWriter) -> None:
    await writer.record(visit("first"))
    assert writer.waiting == 1
