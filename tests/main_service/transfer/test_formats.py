"""Each format on a small file as its service exports it: what becomes of it here."""

import io
import json
import tarfile
import tracemalloc
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from main_service.transfer.errors import SourceUnreadableError
from main_service.transfer.records import Record, Skipped, SourceLimits
from main_service.transfer.sources import bitly_csv, github_gists, yourls_sql
from tests.support.accounts import User, new_user
from tests.support.engines import Environment
from tests.support.entries import list_entries
from tests.support.imports import get_import, lines_of, order_import, run_imports, zip_of

MARK = uuid4().hex[:8]
"""In keys, so that they are free."""
LIMITS = SourceLimits(
    max_bytes=50_000_000, max_text_bytes=1_000_000, max_records=400_000, max_unpacked_bytes=100_000_000
)

BITLY = f"""\
Link,Custom Link,Title,Destination URL,Created,Tags,Total Engagements
bit.ly/3{MARK},,"Report, 2024",https://example.org/report?a=1&b=2,2024-03-01T10:20:30+0000,"work, paper","1,234"
https://bit.ly/4{MARK},https://go.example/bitly{MARK},,https://example.org/two,2019-12-31,,0
"""
SHLINK = f"""\
createdAt,domain,shortCode,shortUrl,longUrl,title,tags,visits
2021-05-06T07:08:09+02:00,s.example,sh{MARK},https://s.example/sh{MARK},https://example.org/shlink,A title,foo|bar,17
"""
KUTT = f"""\
uuid,address,target,description,visit_count,created_at,expire_in
0d9a3c5e-1111-4222-8333-444455556666,ku{MARK},https://example.org/kutt,About,3,2022-02-03 04:05:06.789+00,
0d9a3c5e-1111-4222-8333-444455557777,kv{MARK},https://example.org/over,,3,2022-02-03,2023-01-01 00:00:00+00
"""
YOURLS = f"""\
keyword;url;title;timestamp;ip;clicks
yo{MARK};https://example.org/yourls;YOURLS' own;2018-01-02 03:04:05;127.0.0.1;99
"""
YOURLS_DUMP = f"""\
-- MySQL dump
CREATE TABLE `yourls_options` (`option_id` bigint(20));
INSERT INTO `yourls_options` VALUES (1,'version','1.9');
CREATE TABLE `yourls_url` (
  `keyword` varchar(100) NOT NULL,
  `url` text NOT NULL,
  `title` text,
  `timestamp` timestamp NOT NULL,
  `ip` varchar(41) NOT NULL,
  `clicks` int(10) unsigned NOT NULL,
  PRIMARY KEY (`keyword`)
);
INSERT INTO `yourls_url` VALUES
('yo{MARK}','https://example.org/yourls','YOURLS\\' own','2018-01-02 03:04:05','::1',99),
('yp{MARK}','https://example.org/a),(b\\\\c','It''s; (two)',NULL,'::1',5);
INSERT INTO `yourls_url` (`keyword`, `url`, `title`, `timestamp`, `ip`, `clicks`) VALUES
('yq{MARK}',0x68747470733a2f2f6578616d706c652e6f72672f686578,NULL,'2018-01-02 03:04:05','::1',0);
"""
FIRST_GIST, SECOND_GIST = "a" * 32, "0123456789abcdef0123"


@pytest.fixture(scope="module")
def import_user(import_web: Any) -> User:
    return new_user(import_web.client)


async def imported(
    environment: Environment, client: httpx.Client, import_user: User, content: bytes, file_format: str
) -> list[dict[str, Any]]:
    """The lines of an import that is run to its end."""
    job = order_import(client, import_user, content, file_format)
    await run_imports(environment)
    done = get_import(client, import_user, job)
    assert (done["state"], done["failure"]) == ("done", None)
    lines = lines_of(client, import_user, job)
    assert done["position"] == len(lines)
    return lines


async def test_bitly(
    import_environment: Environment, import_client: httpx.Client, import_database: asyncpg.Connection, import_user: User
) -> None:
    lines = await imported(import_environment, import_client, import_user, BITLY.encode("utf-8-sig"), "bitly-csv")

    assert [(line["verdict"], line["key"], line["place"]) for line in lines] == [
        ("created", f"3{MARK}", "line 2"),
        ("created", f"bitly{MARK}", "line 3"),
    ]
    entry = import_client.get(f"/api/v1/entries/3{MARK}", headers=import_user.headers).json()
    assert (entry["original_url"], entry["title"]) == ("https://example.org/report?a=1&b=2", "Report, 2024")
    assert (entry["created_at"], entry["expires_at"]) == ("2024-03-01T10:20:30Z", None)
    for shown in (entry, *list_entries(import_client, import_user, collection="work")["items"]):
        assert (shown["imported_visit_count"], shown["visit_count"]) == (1_234, 0)
    export = import_client.get("/api/v1/entries/export?format=csv", headers=import_user.headers).text
    assert f"/3{MARK}," in export
    assert ",0,1234," in export
    assert import_client.get(f"/3{MARK}").headers["location"] == "https://example.org/report?a=1&b=2"
    statistics = import_client.get(f"/api/v1/entries/3{MARK}/stats", headers=import_user.headers).json()
    assert (statistics["imported_visit_count"], statistics["visit_count"]) == (1_234, 0)
    assert [each["key"] for each in list_entries(import_client, import_user, collection="work")["items"]] == [
        f"3{MARK}"
    ]
    assert import_client.get("/api/v1/stats/me", headers=import_user.headers).json()["visit_count"] <= 1


async def test_shlink(import_environment: Environment, import_client: httpx.Client, import_user: User) -> None:
    (line,) = await imported(import_environment, import_client, import_user, SHLINK.encode(), "shlink-csv")

    entry = import_client.get(f"/api/v1/entries/{line['key']}", headers=import_user.headers).json()
    assert (entry["key"], entry["created_at"]) == (f"sh{MARK}", "2021-05-06T05:08:09Z")
    assert list_entries(import_client, import_user, collection="bar")["items"][0]["key"] == f"sh{MARK}"


async def test_kutt(import_environment: Environment, import_client: httpx.Client, import_user: User) -> None:
    live, over = await imported(import_environment, import_client, import_user, KUTT.encode("utf-16"), "kutt-csv")

    assert (live["verdict"], live["key"]) == ("created", f"ku{MARK}")
    assert (over["verdict"], over["message"]) == ("skipped", "This has expired.")


async def test_yourls_as_csv_and_as_dump_are_the_same_links(
    import_environment: Environment, import_client: httpx.Client, import_user: User
) -> None:
    (first,) = await imported(import_environment, import_client, import_user, YOURLS.encode(), "yourls-csv")
    same, tricky, in_hexadecimal = await imported(
        import_environment, import_client, import_user, YOURLS_DUMP.encode(), "yourls-sql"
    )

    assert (same["verdict"], same["key"]) == ("known", first["key"])
    entry = import_client.get(f"/api/v1/entries/{tricky['key']}", headers=import_user.headers).json()
    assert (entry["original_url"], entry["title"]) == ("https://example.org/a),(b\\c", "It's; (two)")
    assert in_hexadecimal["key"] == f"yq{MARK}"
    entry = import_client.get(f"/api/v1/entries/yq{MARK}", headers=import_user.headers).json()
    assert entry["original_url"] == "https://example.org/hex"


async def test_own_csv(import_environment: Environment, import_client: httpx.Client, import_user: User) -> None:
    giver = new_user(import_client)
    made = import_client.post(
        "/api/v1/links", json={"url": "https://example.org/own", "title": "=1+1"}, headers=giver.headers
    ).json()
    import_client.post("/api/v1/pastes", json={"text": "not in it"}, headers=giver.headers)
    exported = import_client.get("/api/v1/entries/export?format=csv", headers=giver.headers).content
    columns, row, *rest = exported.split(b"\r\n")
    place = columns.split(b",").index(b"views_left")
    cells = row.split(b",")
    cells[place] = b"99999999999"
    exported = b"\r\n".join([columns, b",".join(cells), *rest])

    link, paste = await imported(import_environment, import_client, import_user, exported, "slipbin-csv")

    assert link["key"] != made["key"], "a key that is in use was given again"
    assert link["message"] == "Its name is taken here, so it gets another."
    entry = import_client.get(f"/api/v1/entries/{link['key']}", headers=import_user.headers).json()
    assert (entry["title"], entry["created_at"]) == ("=1+1", made["created_at"])
    assert entry["views_left"] == 1_000_000, "as many as there can be"
    assert paste["verdict"] == "skipped"


async def test_haste_and_0x0(import_environment: Environment, import_client: httpx.Client, import_user: User) -> None:
    text = f"été {MARK}\r\n".encode()
    folder = zip_of({f"data/ha{MARK}": text, "data/d41d8cd98f00b204e9800998ecf8427e": b"digest" + text, "bin": b"\xff"})
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"up/zx{MARK}.py")
        member.size, member.mtime = len(text), 1_600_000_000
        archive.addfile(member, io.BytesIO(text))

    named, digest, binary = await imported(import_environment, import_client, import_user, folder, "haste-folder")
    (uploaded,) = await imported(import_environment, import_client, import_user, target.getvalue(), "0x0-folder")

    assert import_client.get(f"/ha{MARK}/raw").content == text
    assert (named["key"], digest["verdict"], len(digest["key"])) == (f"ha{MARK}", "created", 11)
    assert (binary["verdict"], binary["message"]) == (
        "failed",
        "This isn't UTF-8 text: byte 0 is invalid.",
    )
    entry = import_client.get(f"/api/v1/entries/{uploaded['key']}", headers=import_user.headers).json()
    assert (entry["key"], entry["title"], entry["detected_syntax"]) == (f"zx{MARK}", f"zx{MARK}.py", "python")
    assert entry["created_at"] == "2020-09-13T12:26:40Z"


async def test_gists(import_environment: Environment, import_client: httpx.Client, import_user: User) -> None:
    told = [{"id": FIRST_GIST, "public": True, "created_at": "2015-01-01T00:00:00Z", "description": "My notes"}]
    archive = zip_of(
        {
            "gists.json": json.dumps(told).encode(),
            f"gists/{FIRST_GIST}/gistfile1.txt": b"notes",
            f"gists/{FIRST_GIST}/.git/config": b"[core]",
            f"{SECOND_GIST}-{'b' * 40}/main.go": b"package main",
            "README.md": b"no gist",
        }
    )

    notes, code, other = await imported(import_environment, import_client, import_user, archive, "github-gists")

    entry = import_client.get(f"/api/v1/entries/{notes['key']}", headers=import_user.headers).json()
    assert (entry["title"], entry["visibility"], entry["created_at"]) == ("My notes", "public", "2015-01-01T00:00:00Z")
    assert import_client.get(f"/api/v1/entries/{code['key']}", headers=import_user.headers).json()["title"] == "main.go"
    assert other["verdict"] == "skipped"


@pytest.mark.parametrize(
    "dump",
    ["INSERT INTO url (" * 200_000, "INSERT INTO url" + " " * 200_000, "INSERT INTO url VALUES" + " " * 200_000],
)
def test_dump_of_statements_without_end_is_searched_once(tmp_path: Path, dump: str) -> None:
    # Searched to the end for each statement or blank, these would take hours.
    path = tmp_path / "dump.sql"
    path.write_text(dump)

    with pytest.raises(SourceUnreadableError):
        list(yourls_sql.read(path, LIMITS))


def peak_bytes(read_all: Callable[[], object]) -> int:
    """How much memory reading a file takes at its peak."""
    tracemalloc.start()
    try:
        read_all()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_row_of_a_dump_that_is_no_text_is_a_fault_and_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes(
        b"INSERT INTO yourls_url VALUES ('a','https://example.org/\xe4','','','',1),('b',0xff,'','','',1),"
        b"('c','https://example.org/\xc3\xa4','','','',1)"
    )

    first, second, third = yourls_sql.read(path, LIMITS)

    assert first == Skipped(place="row 1", reason="This row can't be read.")
    assert second == replace(first, place="row 2")
    assert isinstance(third, Record)
    assert third.original_url == "https://example.org/ä"


def test_only_a_row_of_a_dump_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_text("INSERT INTO yourls_url VALUES " + ",".join(["('k','https://example.org/','\U0001f600')"] * 20_000))
    long = tmp_path / "long.sql"
    long.write_text(f"INSERT INTO yourls_url VALUES ('k','{'u' * 10_000_000}','')")

    assert peak_bytes(lambda: deque(yourls_sql.read(path, LIMITS), maxlen=1)) < 1_000_000
    assert peak_bytes(lambda: list(yourls_sql.read(long, LIMITS))) < 1_000_000


@pytest.mark.parametrize("row", ["a" * 10_000_000, "," * 10_000_000, '"\n",' * 1_100_000])
def test_row_of_a_table_that_fills_memory_is_refused(tmp_path: Path, row: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"link,long_url\n{row}\n")

    def read_all() -> None:
        with pytest.raises(SourceUnreadableError, match=r"far too long|isn't CSV"):
            list(bitly_csv.read(path, LIMITS))

    assert peak_bytes(read_all) < 100_000_000


def test_list_of_gists_that_fills_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gists.zip"
    path.write_bytes(zip_of({"gists.json": b"[" + b"{}," * 300_000 + b"{}]", f"{FIRST_GIST}/a.txt": b"text"}))

    def read_all() -> None:
        with pytest.raises(SourceUnreadableError, match="too large"):
            list(github_gists.read(path, LIMITS))

    assert peak_bytes(read_all) < 10_000_000
