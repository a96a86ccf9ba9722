"""`python -m main_service cleanup`, which is the daily task: what has ended leaves both stores, the rest stays."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import boto3
import httpx
import pytest

from tests.support.database import connected
from tests.support.engines import Environment, run_main
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.swift_server import SwiftServer
from tests.support.web import WebServer

DAY_SECONDS = 86_400


@pytest.fixture(scope="module")
def s3_archive_environment(archive_environment: Environment, swift: SwiftServer) -> Environment:
    settings = archive_environment | {
        "MAIN_BODY_STORE_URL": "s3://cleanup-texts/bodies",
        "MAIN_BODY_STORE_ENDPOINT": swift.endpoint_url,
        "AWS_ACCESS_KEY_ID": swift.access_key_id,
        "AWS_SECRET_ACCESS_KEY": swift.secret_access_key,
    }
    run_main("migrate", environment=settings)
    return settings


@pytest.fixture(scope="module")
def s3_archive_web(s3_archive_environment: Environment) -> Iterator[WebServer]:
    with WebServer(s3_archive_environment) as server:
        yield server


@pytest.fixture(params=["archive", "s3_archive"])
def environment(request: pytest.FixtureRequest) -> Environment:
    settings: Environment = request.getfixturevalue(f"{request.param}_environment")
    return settings


@pytest.fixture
def client(request: pytest.FixtureRequest, environment: Environment) -> Iterator[httpx.Client]:
    is_in_s3 = environment["MAIN_BODY_STORE_URL"].startswith("s3:")
    server: WebServer = request.getfixturevalue("s3_archive_web" if is_in_s3 else "archive_web")
    with server.new_client() as visitor:
        yield visitor


def clean_up(environment: Environment) -> tuple[int, ...]:
    """Ended, texts deleted, emptied, orphans deleted."""
    return tuple(int(number) for number in re.findall(r"\d+", run_main("cleanup", environment=environment)))[:4]


def stored_texts(environment: Environment) -> set[UUID]:
    url = environment["MAIN_BODY_STORE_URL"]
    if url.startswith("file://"):
        files = Path(url.removeprefix("file://")).rglob("*")
        return {UUID(file.name) for file in files if file.is_file() and is_text(file.name)}
    bucket = url.removeprefix("s3://").partition("/")[0]
    objects = s3(environment).list_objects_v2(Bucket=bucket).get("Contents", [])
    names = [stored["Key"].rpartition("/")[2] for stored in objects]
    return {UUID(name) for name in names if is_text(name)}


def is_text(name: str) -> bool:
    """Whether the name is that of a text: not of one that is being written, nor of a report's file."""
    return "#" not in name and not name.endswith(".file")


def s3(environment: Environment):
    return boto3.client(
        "s3",
        endpoint_url=environment["MAIN_BODY_STORE_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


async def test_expired_entries_leave_both_stores_and_their_neighbours_stay(
    environment: Environment, client: httpx.Client, archive: asyncpg.Connection
) -> None:
    expired_paste, expired_link = create_paste(client, title="Secret"), create_link(client, title="Secret")
    paste, link = create_paste(client, text="neighbour"), create_link(client)
    over = [expired_paste["key"], expired_link["key"]]
    body_id = await archive.fetchval("SELECT body_id FROM entry WHERE key = $1", expired_paste["key"])
    await archive.execute("UPDATE entry SET expires_at = now() - interval '1 s' WHERE key = ANY($1)", over)
    assert body_id in stored_texts(environment)

    assert clean_up(environment) == (2, 1, 2, 0)

    assert body_id not in stored_texts(environment)
    for row in await archive.fetch("SELECT * FROM entry WHERE key = ANY($1)", over):
        assert row["archival_reason"] == "expired"
        assert row["ended_at"] == row["expires_at"]
        assert (row["title"], row["original_url"], row["body_id"], row["size_bytes"], row["syntax"]) == (None,) * 5
    assert await archive.fetchval("SELECT count(*) FROM body_to_delete") == 0
    for key in over:
        response = client.get(f"/{key}")
        assert (response.status_code, response.json()["reason"]) == (410, "expired")
    assert client.get(f"/{paste['key']}/raw").text == "neighbour"
    assert client.get(f"/{link['key']}").status_code == 302
    assert client.get(f"/api/v1/entries/{link['key']}").json()["expires_at"] == link["expires_at"]
    assert clean_up(environment) == (0, 0, 0, 0)


async def test_deleted_entry_is_emptied_of_all_but_key_reason_and_times(
    environment: Environment, client: httpx.Client, archive: asyncpg.Connection
) -> None:
    paste = create_paste(client, title="Secret", syntax="python")
    client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste))

    assert clean_up(environment) == (0, 0, 1, 0)

    row = await archive.fetchrow("SELECT * FROM entry WHERE key = $1", paste["key"])
    filled = {name for name, value in row.items() if value is not None}
    assert filled == {
        "key", "kind", "visibility", "created_at", "updated_at", "expires_at",
        "ended_at", "archival_reason", "body_deleted_at", "visit_count", "bot_count", "has_public_statistics",
        "version", "manage_generation", "passes_query", "imported_visit_count", "imported_bot_count",
    }  # fmt: skip


async def test_text_that_could_not_be_deleted_at_once_is_deleted_daily(
    environment: Environment, client: httpx.Client, archive: asyncpg.Connection
) -> None:
    """A web process that is killed between its commit and deleting the text leaves it."""
    paste = create_paste(client)
    body_id = await archive.fetchval("SELECT body_id FROM entry WHERE key = $1", paste["key"])
    async with archive.transaction():
        await archive.execute(
            "UPDATE entry SET ended_at = now(), archival_reason = 'deleted' WHERE key = $1", paste["key"]
        )
        await archive.execute("INSERT INTO body_to_delete (body_id) VALUES ($1)", body_id)

    assert clean_up(environment) == (0, 1, 1, 0)

    assert body_id not in stored_texts(environment)
    assert await archive.fetchval("SELECT body_deleted_at FROM entry WHERE key = $1", paste["key"]) is not None


async def test_text_that_is_missing_counts_as_deleted(
    environment: Environment, client: httpx.Client, archive: asyncpg.Connection
) -> None:
    kept = await body_id_of(archive, create_paste(client)["key"])
    await archive.executemany("INSERT INTO body_to_delete (body_id) VALUES ($1)", [(uuid4(),) for _ in range(3)])

    assert clean_up(environment) == (0, 3, 0, 0)

    assert kept in stored_texts(environment)


@pytest.mark.parametrize("environment", ["archive"], indirect=True)
async def test_texts_without_an_entry_are_swept_when_they_are_a_day_old(
    environment: Environment, client: httpx.Client, archive: asyncpg.Connection
) -> None:
    """A crash between storing the text and committing the row leaves them. In S3 a text can't be backdated."""
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    kept = await body_id_of(archive, create_paste(client)["key"])
    young, old = uuid4(), uuid4()
    unfinished = folder / "ab" / f"{uuid4()}#1"
    for path in (folder / young.hex[:2] / str(young), folder / old.hex[:2] / str(old), unfinished):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    two_days_ago = time.time() - 2 * DAY_SECONDS
    for body_id in (old, kept):
        os.utime(folder / body_id.hex[:2] / str(body_id), (two_days_ago, two_days_ago))
    os.utime(unfinished, (two_days_ago, two_days_ago))

    assert clean_up(environment) == (0, 0, 0, 2)

    assert stored_texts(environment) >= {kept, young}
    assert old not in stored_texts(environment)
    assert not unfinished.exists()


async def test_many_expired_entries_end_in_batches_while_readers_go_on(
    environment: Environment, client: httpx.Client, archive: asyncpg.Connection
) -> None:
    """More than one batch; a locked row is skipped, not waited for."""
    prefix = uuid4().hex[:8]
    await archive.execute(
        """
        INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url)
        SELECT $1 || '-' || number, 'link', 'unlisted', now(), now(), now() - interval '1 s', 'https://example.org/'
        FROM generate_series(1, 3500) AS number
        """,
        prefix,
    )
    link = create_link(client)
    async with connected(environment) as holder, holder.transaction():
        await holder.execute("SELECT 1 FROM entry WHERE key = $1 FOR UPDATE", f"{prefix}-77")

        ended, _, emptied, _ = clean_up(environment)

        assert (ended, emptied) == (3499, 3499)
        assert client.get(f"/{link['key']}").status_code == 302
    assert clean_up(environment) == (1, 0, 1, 0)


async def body_id_of(archive: asyncpg.Connection, key: str) -> UUID:
    body_id: UUID = await archive.fetchval("SELECT body_id FROM entry WHERE key = $1", key)
    return body_id
