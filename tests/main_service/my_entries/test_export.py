"""All of one's own entries as JSON Lines and CSV."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import psutil
import pytest
from starlette.types import Message

from main_service.my_entries.filters import OwnedEntry
from main_service.my_entries.serializers import ExportFormat, export_response
from main_service.my_entries.service import EntryExporter
from tests.support.accounts import User, account_id_of, new_user
from tests.support.engines import Environment
from tests.support.entries import delete_entry, insert_many_entries, list_entries, owned_link, owned_paste
from tests.support.gates import gated_engines
from tests.support.web import WebServer

EXPORT = "/api/v1/entries/export"
MEBIBYTE = 1024 * 1024


def exported(client: httpx.Client, user: User, file_format: str) -> httpx.Response:
    response = client.get(EXPORT, params={"format": file_format}, headers=user.headers)
    assert response.status_code == 200, response.text
    return response


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.text.endswith("\n") or not response.text
    return [json.loads(line) for line in response.text.splitlines()]


def cells(response: httpx.Response) -> list[dict[str, str]]:
    assert response.content.startswith("\ufeffkey,kind,url,".encode()), "spreadsheets know UTF-8 by this mark"
    assert b"\r\n" in response.content
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))


def test_export_holds_what_lists_show_oldest_first_ended_ones_too(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    keys = [
        owned_paste(client, user, title='Two "lines", ä', text="secret text"),
        owned_link(client, user, visibility="private"),
        owned_link(client, user),
    ]
    owned_paste(client, other)
    delete_entry(client, user, keys[2])

    response = exported(client, user, "jsonl")

    assert response.headers["content-type"] == "application/jsonl"
    assert response.headers["content-disposition"].startswith('attachment; filename="slipbin-entries-')
    assert response.headers["content-disposition"].endswith('.jsonl"')
    assert "secret text" not in response.text
    assert lines(response) == list_entries(client, user)["items"][::-1]
    assert client.get(EXPORT, headers=user.headers).text == response.text, "JSON Lines is the default"
    table = exported(client, user, "csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert [row["key"] for row in cells(table)] == keys
    assert cells(table)[0] | {"created_at": "", "updated_at": "", "expires_at": ""} == {
        "key": keys[0],
        "kind": "paste",
        "url": f"http://slipbin.test/{keys[0]}",
        "title": 'Two "lines", ä',
        "visibility": "unlisted",
        "state": "live",
        "created_at": "",
        "updated_at": "",
        "expires_at": "",
        "ended_at": "",
        "archival_reason": "",
        "visit_count": "0",
        "imported_visit_count": "0",
        "views_left": "",
        "original_url": "",
        "passes_query": "",
        "detected_syntax": "",
        "raw_url": f"http://slipbin.test/{keys[0]}/raw",
        "size_bytes": "11",
        "syntax": "",
    }


def test_export_of_nothing_is_an_empty_file(client: httpx.Client) -> None:
    user = new_user(client)

    assert exported(client, user, "jsonl").content == b""
    assert cells(exported(client, user, "csv")) == []
    unknown = client.get(EXPORT, params={"format": "xlsx"}, headers=user.headers)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "format")


async def test_cells_that_a_spreadsheet_would_run_are_neutralised(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    hostile = ('=HYPERLINK("http://evil.example","x")', "+1", "-1", "@SUM(A1)", "\tx", "\r=1")
    keys = [owned_paste(client, user) for _ in hostile]
    for key, title in zip(keys, hostile, strict=True):
        await database.execute("UPDATE entry SET title = $2 WHERE key = $1", key, title)
    plain = owned_paste(client, user, title="a = b")
    alias = owned_paste(client, user, alias=f"-{keys[0]}")

    rows = cells(exported(client, user, "csv"))

    assert [row["title"] for row in rows] == [f"'{title}" for title in hostile] + ["a = b", ""]
    assert [row["key"] for row in rows] == [*keys, plain, f"'{alias}"]
    assert [line["title"] for line in lines(exported(client, user, "jsonl"))] == [*hostile, "a = b", None]


async def test_20000_entries_are_streamed_with_flat_memory(
    web: WebServer, client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    keys = await insert_many_entries(database, account_id_of(client, user), 20_000)
    exported(client, user, "jsonl")
    process = psutil.Process(web.processes[0].pid)
    before = process.memory_info().rss

    found = [line["key"] for line in lines(exported(client, user, "jsonl"))]
    rows = [row["key"] for row in cells(exported(client, user, "csv"))]

    assert len(found) == len(rows) == 20_000
    assert set(found) == set(rows) == keys
    assert process.memory_info().rss - before < 16 * MEBIBYTE


async def test_database_that_goes_away_in_the_middle_cuts_the_connection(
    environment: Environment, database: asyncpg.Connection
) -> None:
    """What is missing must not look like the end."""
    with gated_engines(environment) as gated, WebServer(gated.environment) as server:
        user = new_user(server.client)
        await insert_many_entries(database, account_id_of(server.client, user), 2_500)
        second_batch = b"(entry.created_at, entry.key) >"
        with (
            gated.postgres.stop_at(second_batch, hold="request") as stop,
            server.client.stream("GET", EXPORT, headers=user.headers) as response,
        ):
            assert response.status_code == 200
            chunks = response.iter_raw()
            assert next(chunks)
            stop.wait()
            with gated.postgres.refusing():
                stop.release()
                with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                    list(chunks)
        with gated.postgres.refusing():
            refused = server.client.get(EXPORT, headers=user.headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert len(lines(exported(server.client, user, "jsonl"))) == 2_500


async def test_head_reads_no_more_of_an_export_than_its_beginning() -> None:
    read = []

    class Exporter(EntryExporter):
        async def batches(self, owner_id: UUID) -> AsyncIterator[list[OwnedEntry]]:
            for number in range(3):
                read.append((owner_id, number))
                yield []

    async def nothing_comes() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    sent: dict[str, list[Message]] = {}
    for method, count in (("HEAD", 1), ("GET", 3)):
        read.clear()
        sent[method] = messages = []

        async def keep(message: Message, messages: list[Message] = messages) -> None:
            messages.append(message)

        exporter = Exporter(sessions=cast(Any, None))
        response = await export_response(exporter, uuid4(), ExportFormat.CSV, public_url="https://paste.example.org")
        await response({"type": "http", "method": method, "asgi": {"spec_version": "2.4"}}, nothing_comes, keep)
        assert len(read) == count

    assert sent["HEAD"][0] == sent["GET"][0]
    assert all(not message.get("body") for message in sent["HEAD"])
