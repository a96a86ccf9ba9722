"""All that is one's own as one zip, made while it is sent."""

import asyncio
import io
import json
import random
import re
import zipfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import psutil
import pytest
import redis

from main_service.my_entries.zip_stream import ZipStream
from main_service.resources import open_resources
from tests.support.accounts import User, account_id_of, new_user, sign_in_on_page
from tests.support.collections import create_collection, entries_path
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, delete_entry, list_entries, owned_link, owned_paste
from tests.support.gates import gated_engines
from tests.support.settings import settings_of
from tests.support.visits import GOOGLEBOT, add_batch, at_ms, ingest, visit_to
from tests.support.web import WebServer

EXPORT = "/api/v1/me/export.zip"
MEBIBYTE = 1024 * 1024


def exported(client: httpx.Client, user: User) -> zipfile.ZipFile:
    response = client.get(EXPORT, headers=user.headers)
    assert response.status_code == 200, response.text
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    assert archive.testzip() is None
    return archive


def lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).decode().splitlines()]


def texts(archive: zipfile.ZipFile) -> dict[str, bytes]:
    return {name.removeprefix("texts/"): archive.read(name) for name in archive.namelist() if name.startswith("texts/")}


def hardly_compressible(size_bytes: int) -> str:
    return random.Random(size_bytes).randbytes(size_bytes // 2).hex()


def text_file(environment: Environment, body_id: UUID) -> Path:
    (found,) = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://")).rglob(str(body_id))
    return found


async def body_of(database: asyncpg.Connection, key: str) -> UUID:
    body_id: UUID = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", key)
    return body_id


async def test_everything_is_in_it(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    long = hardly_compressible(300_000)
    held = {
        owned_paste(client, user, text="\ufeffa\r\nb\rä\0\U0001f600", title="Ä \u2603", syntax="python"): None,
        owned_paste(client, user, text=long, visibility="private", expires_in="never"): None,
        owned_paste(client, user, text="once", views=1): None,
    }
    link = owned_link(client, user, original_url="https://example.org/1", passes_query=True)
    changed = client.patch(
        f"/api/v1/entries/{link}", json={"original_url": "https://bücher.example/2"}, headers=user.headers
    )
    assert changed.status_code == 200
    ended = owned_paste(client, user, text="gone")
    delete_entry(client, user, ended)
    foreign, secret = owned_link(client, other), owned_link(client, other, visibility="private")

    archive = exported(client, user)

    first, second, third = held
    assert texts(archive) == {first: "\ufeffa\r\nb\rä\0\U0001f600".encode(), second: long.encode(), third: b"once"}
    found = {line["key"]: line for line in lines(archive, "entries.jsonl")}
    assert list(found) == [*held, link, ended]
    assert not {foreign, secret} & found.keys()
    for listed in list_entries(client, user)["items"]:
        line = found[listed["key"]]
        common = line.keys() & listed.keys()
        assert {name: line[name] for name in common - {"created_at", "updated_at", "expires_at", "ended_at"}} == {
            name: listed[name] for name in common - {"created_at", "updated_at", "expires_at", "ended_at"}
        }
        for name in ("created_at", "updated_at", "expires_at", "ended_at"):
            assert _instant(line[name]) == _instant(listed[name])
        assert listed.keys() - line.keys() == {"url", "raw_url", "text_url"} & listed.keys() | (
            {"short_url"} & listed.keys()
        )
    assert [target["original_url"] for target in found[link]["targets"]] == [
        "https://example.org/1",
        "https://bücher.example/2",
    ]
    assert (found[third]["views_left"], found[ended]["archival_reason"]) == (1, "deleted")
    assert "original_url" not in found[first]
    assert "size_bytes" not in found[link]
    manifest = json.loads(archive.read("manifest.json"))
    assert archive.namelist()[-1] == "manifest.json"
    assert _instant(manifest.pop("made_at")) is not None
    assert manifest == {
        "site": "http://slipbin.test",
        "format": "slipbin-export",
        "version": 1,
        "entries": 5,
        "texts": 3,
        "figures": 0,
        "imported_figures": 0,
        "collections": 0,
        "collected": 0,
        "without_text": [],
    }
    assert list_entries(client, user, q="")["items"][2]["views_left"] == 1, "no view was spent"


def _instant(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def test_archive_of_nothing_has_all_members(client: httpx.Client) -> None:
    archive = exported(client, new_user(client))

    empty = ["entries.jsonl", "figures.jsonl", "imported_figures.jsonl", "collections.jsonl"]
    assert archive.namelist() == [*empty, "manifest.json"]
    assert [archive.read(name) for name in empty] == [b""] * 4


async def test_collections_are_in_it_as_far_as_their_owner_sees_them(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    mine, foreign = owned_link(client, user, visibility="private"), owned_paste(client, other)
    closed = owned_paste(client, other)
    shared, empty = create_collection(client, user, "b shared"), create_collection(client, user, "A empty")
    for key in (mine, closed, foreign):
        client.put(entries_path(shared, key), headers=user.headers).raise_for_status()
    hidden = client.patch(f"/api/v1/entries/{closed}", json={"visibility": "private"}, headers=other.headers)
    assert hidden.status_code == 200
    create_collection(client, other)
    url = client.patch(f"/api/v1/collections/{shared['id']}", json={"is_shared": True}, headers=user.headers)
    shared_key = url.json()["shared_url"].rpartition("/")[2]

    found = lines(exported(client, user), "collections.jsonl")

    assert [{name: line[name] for name in line if not name.endswith("_at")} for line in found] == [
        {"collection": empty["id"], "name": "A empty", "shared_key": None},
        {"collection": shared["id"], "name": "b shared", "shared_key": shared_key},
        {"collection": shared["id"], "key": mine},
        {"collection": shared["id"], "key": foreign},
    ]


async def test_figures_are_in_it_day_by_day(
    client: httpx.Client, environment: Environment, valkey: redis.Redis, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    few, many, unvisited = (owned_link(client, user) for _ in range(3))
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    visits = [visit_to(few, at_ms=at_ms(noon)), visit_to(few, at_ms=at_ms(noon), user_agent=GOOGLEBOT)]
    add_batch(valkey, [*visits, visit_to(few, at_ms=at_ms(noon - timedelta(hours=13)))])
    await ingest(environment)
    # More than are asked for at once, over more days than are read at once.
    days = [noon - timedelta(days=number) for number in range(200)]
    await database.executemany(
        "INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors) VALUES ($1, $2, 20, 0, 7)",
        [(many, day) for day in days],
    )
    await database.execute("UPDATE entry SET visit_count = 4000 WHERE key = $1", many)

    figures = lines(exported(client, user), "figures.jsonl")

    of_few = [line for line in figures if line["key"] == few]
    assert [(line["day"], line["visitors"], line["hours"]) for line in of_few] == [
        (f"{noon - timedelta(days=1):%Y-%m-%d}", 1, {"23": [1, 0]}),
        (f"{noon:%Y-%m-%d}", 1, {"12": [1, 1]}),
    ]
    assert of_few[0]["values"]["browser"] == {"Firefox": 1}
    assert set(of_few[0]["values"]) == {"browser", "country", "device", "language", "os", "referrer"}
    of_many = [line for line in figures if line["key"] == many]
    assert [line["day"] for line in of_many] == [f"{day:%Y-%m-%d}" for day in reversed(days)]
    assert {json.dumps(line["hours"]) for line in of_many} == {'{"12": [20, 0]}'}
    assert [line["key"] for line in figures] == [few] * 2 + [many] * 200
    assert not [line for line in figures if line["key"] == unvisited]


async def test_many_texts_are_streamed_with_flat_memory(
    web: WebServer, environment: Environment, database: asyncpg.Connection
) -> None:
    user = new_user(web.client)
    size_bytes, count = MEBIBYTE, 60
    owner_id = account_id_of(web.client, user)
    text = hardly_compressible(size_bytes).encode()
    async with open_resources(settings_of(environment)) as resources:
        keys = [f"{owner_id.hex[:20]}-{number}" for number in range(count)]
        for key in keys:
            body_id = UUID(int=random.Random(key).getrandbits(128))
            await resources.bodies.put(body_id, text)
            await database.execute(
                "INSERT INTO entry (key, kind, owner_id, visibility, created_at, updated_at, body_id, size_bytes)"
                " VALUES ($1, 'paste', $2, 'unlisted', now(), now(), $3, $4)",
                key,
                owner_id,
                body_id,
                size_bytes,
            )
    process = psutil.Process(web.processes[0].pid)
    exported(web.client, new_user(web.client))
    before = most = process.memory_info().rss
    received = io.BytesIO()
    with web.client.stream("GET", EXPORT, headers=user.headers) as response:
        for chunk in response.iter_raw():
            received.write(chunk)
            most = max(most, process.memory_info().rss)

    assert texts(zipfile.ZipFile(received)) == dict.fromkeys(keys, text)
    assert most - before < 30 * MEBIBYTE


def cut_off(chunks: Iterator[bytes]) -> bytes:
    """What is received until the connection is cut."""
    received = bytearray()
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        deque((received.extend(chunk) for chunk in chunks), maxlen=0)
    return bytes(received)


def assert_is_no_zip(received: bytes) -> None:
    assert received.startswith(b"PK")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(received))


async def test_text_that_is_lost_cuts_the_connection(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    """What is missing must not look like the end."""
    user = new_user(client)
    _, lost, _ = (owned_paste(client, user, text=hardly_compressible(300_000)) for _ in range(3))
    text_file(environment, await body_of(database, lost)).unlink()

    with client.stream("GET", EXPORT, headers=user.headers) as response:
        assert response.status_code == 200
        assert_is_no_zip(cut_off(response.iter_raw()))


def test_database_that_goes_away_in_the_middle_cuts_the_connection(environment: Environment) -> None:
    with gated_engines(environment) as gated, WebServer(gated.environment) as server:
        user = new_user(server.client)
        owned_paste(server.client, user, text=hardly_compressible(300_000))
        with (
            gated.postgres.stop_at(b"collection.owner_id", hold="request") as stop,
            server.client.stream("GET", EXPORT, headers=user.headers) as response,
        ):
            assert response.status_code == 200
            stop.wait()
            with gated.postgres.refusing():
                stop.release()
                assert_is_no_zip(cut_off(response.iter_raw()))
        with gated.postgres.refusing():
            refused = server.client.get(EXPORT, headers=user.headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert len(texts(exported(server.client, user))) == 1


async def test_pastes_that_change_meanwhile(environment: Environment) -> None:
    with gated_engines(environment) as gated, WebServer(gated.environment) as server, server.new_client() as maker:
        user = new_user(maker)
        ending, changing = owned_paste(maker, user, text="ends"), owned_paste(maker, user, text="before")
        read_texts = b"entry.size_bytes, entry.created_at"
        with gated.postgres.stop_at(read_texts, hold="request") as stop:
            download = asyncio.get_running_loop().run_in_executor(None, exported, server.client, user)
            await asyncio.to_thread(stop.wait)
            delete_entry(maker, user, ending)
            changed = maker.patch(f"/api/v1/entries/{changing}", json={"text": "after"}, headers=user.headers)
            made = owned_paste(maker, user, text="made meanwhile")
            assert changed.status_code == 200
            stop.release()
        archive = await download

    assert texts(archive) == {changing: b"after"}
    assert [line["key"] for line in lines(archive, "entries.jsonl")] == [ending, changing]
    assert json.loads(archive.read("manifest.json"))["without_text"] == [ending]
    assert made not in archive.read("entries.jsonl").decode()


def test_settings_and_list_lead_to_it(client: httpx.Client) -> None:
    user = new_user(client)
    create_paste(client, headers=user.headers)
    create_link(client)
    sign_in_on_page(client, user.username)

    assert 'href="/profile/export.zip"' in client.get("/settings/data").text
    assert 'href="/profile/export.zip"' in client.get("/profile").text
    response = client.get("/profile/export.zip")

    assert response.headers["content-type"] == "application/zip"
    assert re.fullmatch(r'attachment; filename="slipbin-\d{4}-\d\d-\d\d\.zip"', response.headers["content-disposition"])
    assert len(texts(zipfile.ZipFile(io.BytesIO(response.content)))) == 1


async def test_members_are_written_with_64_bit_sizes() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a" * 100_000
        yield b"b"

    archive = ZipStream(made_at=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))
    written = b"".join([part async for part in archive.add("name", chunks())])
    written += archive.close()

    local_header = written[:30]
    assert local_header[:4] == b"PK\3\4"
    assert int.from_bytes(local_header[4:6], "little") == 45, "needs a reader of 64-bit zips"
    (member,) = zipfile.ZipFile(io.BytesIO(written)).infolist()
    assert (member.file_size, member.date_time) == (100_001, (2026, 1, 2, 3, 4, 6))
