"""The cache in Redis: faster reads that never show what is no longer so."""

import asyncio
import dataclasses
import socket
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import redis

from main_service.entries.cache import format_number, pack, unpack
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.web import WebServer
from tests.support.workers import run_task


def cache_key(key: str) -> str:
    return f"entry:{{0}}:{key}"


def is_tombstone(standing: str) -> bool:
    return standing.startswith("[0,")


async def test_second_read_needs_no_database(
    client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link, paste = create_link(client), create_paste(client, title="Kept", syntax="python")
    for entry in (link, paste):
        first = client.get(f"/api/v1/entries/{entry['key']}").json()
        await database.execute("UPDATE entry SET title = 'behind the back' WHERE key = $1", entry["key"])

        assert client.get(f"/api/v1/entries/{entry['key']}").json() == first
        assert valkey.pttl(cache_key(entry["key"])) <= timedelta(days=1).total_seconds() * 1000


def test_copy_ends_with_its_entry(client: httpx.Client, valkey: redis.Redis) -> None:
    link = create_link(client, expires_in=30)
    client.get(f"/{link['key']}")

    ends_at = valkey.pexpiretime(cache_key(link["key"])) / 1000
    assert abs(ends_at - datetime.fromisoformat(link["expires_at"]).timestamp()) < 0.01


@pytest.mark.parametrize("other", ['[5,{"head":"L', '[999,{"whatever":1}]', "no JSON at all", "[]"])
def test_copy_in_an_unknown_format_counts_as_none(client: httpx.Client, valkey: redis.Redis, other: str) -> None:
    link = create_link(client)
    valkey.set(cache_key(link["key"]), other)

    assert client.get(f"/{link['key']}").headers["location"] == "https://example.org/target"


def test_number_of_the_format_follows_what_a_copy_holds() -> None:
    def with_field(name: str, field_type: Any) -> int:
        return format_number(dataclasses.make_dataclass("Entry", [(name, field_type)], bases=(LiveEntry,), frozen=True))

    numbers = {
        format_number(),
        with_field("revision", int),
        with_field("revision", int | None),
        with_field("generation", int),
        with_field("size_bytes", int),
        with_field("kind", StrEnum("Kind", ["PASTE", "LINK", "FILE"])),
        with_field("kind", StrEnum("Kind", ["PASTE", "LINK", "FILE"]) | None),
    }

    assert len(numbers) == 7
    assert format_number(LiveEntry) == format_number()
    assert min(numbers) > 6, "the numbers of formats before were raised by hand"


def test_format_is_the_one_that_running_processes_write_and_read() -> None:
    """Number and bytes change with the fields of an entry and nothing else: then the new ones are written down here."""
    paste = LiveEntry(
        key="alias",
        kind=Kind.PASTE,
        owner_id=UUID(int=1),
        manage_generation=2,
        title="\u00c4",
        visibility=Visibility.PUBLIC,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        updated_at=datetime(2026, 1, 3, tzinfo=UTC),
        version=3,
        expires_at=None,
        has_public_statistics=True,
        visit_count=None,
        imported_visit_count=None,
        views_left=None,
        original_url=None,
        passes_query=False,
        body_id=UUID(int=4),
        size_bytes=5,
        syntax="python",
        detected_syntax=None,
    )

    packed = pack(paste)

    assert unpack("alias", packed) == paste
    assert packed.decode() == (
        '[707714890,{"head":"P9999999999999a00000000000000000000000000000004d78e5661023badbb","kind":"paste",'
        '"owner_id":"00000000-0000-0000-0000-000000000001","manage_generation":2,"title":"\u00c4","visibility":"public",'
        '"created_at":"2026-01-02T00:00:00+00:00","updated_at":"2026-01-03T00:00:00+00:00","version":3,'
        '"expires_at":null,"has_public_statistics":true,"original_url":null,"passes_query":false,'
        '"body_id":"00000000-0000-0000-0000-000000000004","size_bytes":5,"syntax":"python","detected_syntax":null}]'
    )


async def test_entry_over_by_the_clock_is_gone_though_no_task_has_marked_it(
    client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link, neighbour = create_link(client), create_link(client)
    await database.execute("UPDATE entry SET expires_at = now() - interval '1 ms' WHERE key = $1", link["key"])

    response = client.get(f"/{link['key']}")

    assert (response.status_code, response.json()["reason"]) == (410, "expired")
    assert valkey.get(cache_key(link["key"])) is None
    assert client.get(f"/{neighbour['key']}").status_code == 302
    assert await database.fetchval("SELECT ended_at FROM entry WHERE key = $1", link["key"]) is None


def test_everything_goes_on_without_redis(environment: Environment) -> None:
    away = environment | {"MAIN_REDIS_URL": "redis://127.0.0.1:1/0"}
    with WebServer(away) as web:
        link, paste = create_link(web.client), create_paste(web.client, text="text")
        assert web.client.get(f"/{link['key']}").status_code == 302
        assert web.client.get(f"/{paste['key']}/raw").text == "text"
        changed = web.client.patch(
            f"/api/v1/entries/{link['key']}", json={"title": "New"}, headers=manage_headers(link)
        )
        assert changed.json()["title"] == "New"
        assert web.client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).status_code == 204
        assert web.client.get(f"/{link['key']}").status_code == 410


def test_redis_that_hangs_delays_a_request_once_and_a_change_is_still_answered(environment: Environment) -> None:
    """A server that accepts and never answers. The guard is far above the 2 s that one wait may take."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with WebServer(environment | {"MAIN_REDIS_URL": address}) as web:
            link = create_link(web.client)
            for send in (
                lambda: web.client.get(f"/{link['key']}"),
                lambda: web.client.patch(
                    f"/api/v1/entries/{link['key']}", json={"title": "x"}, headers=manage_headers(link)
                ),
                lambda: web.client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)),
            ):
                began_at = time.monotonic()
                assert send().status_code in (302, 200, 204)
                assert time.monotonic() - began_at < 10


async def test_redis_that_was_away_learns_of_a_change_from_the_task(
    environment: Environment, web: WebServer, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """The task itself is run by the worker in the launcher's tests; here it is called as the worker calls it."""
    link = create_link(web.client)
    web.client.get(f"/{link['key']}")
    old_cached = valkey.get(cache_key(link["key"]))
    assert old_cached
    with WebServer(environment | {"MAIN_REDIS_URL": "redis://127.0.0.1:1/0"}) as cut_off:
        cut_off.client.patch(
            f"/api/v1/entries/{link['key']}",
            json={"original_url": "https://new.example/"},
            headers=manage_headers(link),
        )
    assert valkey.get(cache_key(link["key"])) == old_cached

    await replay(environment)

    assert is_tombstone(valkey.get(cache_key(link["key"])))
    assert web.client.get(f"/{link['key']}").headers["location"] == "https://new.example/"
    assert await database.fetchval("SELECT applied_at FROM stale_key WHERE key = $1", link["key"]) is not None
    # Redis crashed before the tombstone was on its disk: the next run writes it again, and forgets it only when safe.
    valkey.set(cache_key(link["key"]), old_cached)
    await replay(environment)
    assert is_tombstone(valkey.get(cache_key(link["key"])))
    await database.execute("UPDATE stale_key SET applied_at = applied_at - interval '6 s' WHERE key = $1", link["key"])
    await replay(environment)
    assert await database.fetchval("SELECT count(*) FROM stale_key WHERE key = $1", link["key"]) == 0


async def replay(environment: Environment) -> None:
    await asyncio.to_thread(run_task, "heal_copies", environment=environment)
