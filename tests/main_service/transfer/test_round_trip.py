"""An export of one installation, imported into an empty one, and exported there again: nothing is lost.

What isn't the same afterwards: entries that have ended aren't there, nor entries of others in collections; visits have
moved to the counts and figures of before the import; collections have new ids; the manifest has another time.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from main_service.transfer.batches import OWNED, TAKEN
from tests.support.accounts import User, new_user
from tests.support.collections import add_to_collection, create_collection, share_collection
from tests.support.engines import Environment
from tests.support.entries import delete_entry, list_entries, owned_link, owned_paste
from tests.support.imports import lines_of, order_import, run_imports, zip_of
from tests.support.statistics import get_statistics, insert_hour_counts, insert_value_count

Lines = list[dict[str, Any]]


def exported(client: httpx.Client, user: User) -> dict[str, bytes]:
    """The members of an export by their names."""
    response = client.get("/api/v1/me/export.zip", headers=user.headers)
    assert response.status_code == 200, response.text
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    return {name: archive.read(name) for name in archive.namelist()}


def lines(members: dict[str, bytes], name: str) -> Lines:
    return [json.loads(line) for line in members[name].splitlines()]


def texts(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in members.items() if name.startswith("texts/")}


def collections(members: dict[str, bytes], keys: set[str]) -> Iterator[dict[str, Any]]:
    """The lines of collections without their ids, and without entries but these."""
    for line in lines(members, "collections.jsonl"):
        if line.get("key") in {None, *keys}:
            yield {name: value for name, value in line.items() if name != "collection"}


def manifest(members: dict[str, bytes]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(members["manifest.json"])
    del told["made_at"]
    return told


def after_import(entry: dict[str, Any]) -> dict[str, Any]:
    people, bots = entry["visit_count"], entry["bot_count"]
    counts = {
        "visit_count": 0,
        "bot_count": 0,
        "imported_visit_count": people + entry["imported_visit_count"],
        "imported_bot_count": bots + entry["imported_bot_count"],
    }
    return entry | counts


def figures_after_import(members: dict[str, bytes], keys: list[str]) -> Lines:
    """The figures of the entries, month by month, first those that were imported before."""
    found = [*lines(members, "imported_figures.jsonl"), *lines(members, "figures.jsonl")]
    return sorted(
        (line for line in found if line["key"] in keys), key=lambda line: (keys.index(line["key"]), line["day"][:7])
    )


def renamed(members: dict[str, bytes], keys: dict[str, str]) -> dict[str, bytes]:
    """The members as if all keys were others, as an installation has that has never seen them."""

    def rename(content: bytes) -> bytes:
        for before, after in keys.items():
            content = content.replace(f'"{before}"'.encode(), f'"{after}"'.encode())
        return content

    return {
        f"texts/{keys[name[6:]]}" if name.startswith("texts/") else name: rename(content)
        for name, content in members.items()
    }


async def test_what_is_exported_is_imported_into_an_empty_installation(
    client: httpx.Client,
    database: asyncpg.Connection,
    import_environment: Environment,
    import_client: httpx.Client,
    import_database: asyncpg.Connection,
) -> None:
    user, newcomer, third = new_user(client), new_user(import_client), new_user(import_client)
    text = "\ufeffa\r\nb\rä\0\U0001f600"
    paste = owned_paste(client, user, text=text, title="Ä \u2603", syntax="python", visibility="private", views=3)
    link = owned_link(client, user, original_url="https://bücher.example/?a#b", passes_query=True, expires_in="never")
    public = owned_paste(client, user, text="# Title\n", title="notes.md", visibility="public")
    gone, foreign = owned_link(client, user), owned_link(client, new_user(client))
    for target in ("https://example.org/2", "https://example.org/3"):
        changed = client.patch(f"/api/v1/entries/{link}", json={"original_url": target}, headers=user.headers)
        assert changed.status_code == 200, changed.text
    client.patch(f"/api/v1/entries/{link}", json={"has_public_statistics": True}, headers=user.headers)
    await database.execute(
        "UPDATE entry SET created_at = '2019-05-01', updated_at = '2020-06-01' WHERE key = $1", public
    )
    both, _, shared = (create_collection(client, user, name) for name in ("Both", "empty", "Shared"))
    share_collection(client, user, shared)
    add_to_collection(client, user, both, *sorted((link, public), reverse=True), gone, foreign)
    add_to_collection(client, user, shared, foreign)
    yesterday = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    await insert_hour_counts(database, link, "2023-01-31 23:00", people=5, bots=2, visitors=4)
    await insert_hour_counts(database, link, "2023-02-01 00:00", people=1, visitors=1)
    await insert_hour_counts(database, link, yesterday, people=3, bots=1, visitors=2)
    await insert_hour_counts(database, paste, "2024-02-29 12:00", people=0, bots=9, visitors=0)
    await insert_hour_counts(database, gone, "2024-02-29 12:00", people=8)
    await insert_value_count(database, link, "2023-01-31", "referrer", "bücher.example", 4)
    await insert_value_count(database, link, "2023-01-31", "country", "DE", 5)
    delete_entry(client, user, gone)
    first = exported(client, user)
    keys = [paste, link, public]

    order_import(import_client, newcomer, zip_of(first), "slipbin-zip")
    await run_imports(import_environment)
    second = exported(import_client, newcomer)

    held = [line for line in lines(first, "entries.jsonl") if line["key"] in keys]
    held.sort(key=lambda line: (line["created_at"], line["key"]))
    in_order = [line["key"] for line in held]
    assert lines(second, "entries.jsonl") == [after_import(line) for line in held]
    assert len(next(line for line in held if line["key"] == link)["targets"]) == 3
    assert texts(second) == texts(first)
    assert lines(second, "figures.jsonl") == []
    assert lines(second, "imported_figures.jsonl") == figures_after_import(first, in_order)
    assert list(collections(second, {*keys})) == list(collections(first, {*keys}))
    assert [line.get("name") for line in collections(first, set())] == ["Both", "empty", "Shared"]
    oldest = "SELECT min(greatest(updated_at, used_at)) > now() - interval '1 day' FROM entry WHERE key = ANY($1)"
    assert await import_database.fetchval(oldest, keys), "none ends as unused because it was changed long ago"
    counts = {"entries": 3, "figures": 0, "imported_figures": 4, "collected": 2}
    assert manifest(second) == manifest(first) | counts

    # Visited there too, and carried on: what was imported and what was counted are put together.
    await insert_hour_counts(import_database, link, yesterday, people=7, bots=6, visitors=5)
    second = exported(import_client, newcomer)
    shared_key = next(line["shared_key"] for line in lines(second, "collections.jsonl") if line.get("shared_key"))
    others = {key: key[::-1] for key in (*in_order, shared_key)}
    carried = renamed(second, others)
    order_import(import_client, third, zip_of(carried), "slipbin-zip")
    await run_imports(import_environment)

    last = exported(import_client, third)

    in_order = [others[key] for key in in_order]
    assert lines(last, "entries.jsonl") == [after_import(line) for line in lines(carried, "entries.jsonl")]
    assert texts(last) == texts(carried)
    assert lines(last, "imported_figures.jsonl") == figures_after_import(carried, in_order)
    of_link = [line for line in lines(last, "imported_figures.jsonl") if line["key"] == others[link]]
    assert [line["hours"] for line in of_link][-2:] == [{str(yesterday.hour): [3, 1]}, {str(yesterday.hour): [7, 6]}]
    assert list(collections(last, {*in_order})) == list(collections(carried, {*in_order}))
    assert manifest(last) == manifest(carried) | {"figures": 0, "imported_figures": 5}


@pytest.mark.parametrize("file_format", ["slipbin-zip", "slipbin-csv"])
async def test_what_its_owner_still_has_is_not_imported_again(
    import_environment: Environment, import_client: httpx.Client, file_format: str
) -> None:
    user, other = new_user(import_client), new_user(import_client)
    held, deleted = owned_link(import_client, user), owned_link(import_client, user)
    path = "me/export.zip" if file_format == "slipbin-zip" else "entries/export?format=csv"
    content = import_client.get(f"/api/v1/{path}", headers=user.headers).raise_for_status().content
    delete_entry(import_client, user, deleted)

    async def imported(owner: User, **fields: str) -> set[tuple[str, str | None, str | None]]:
        job = order_import(import_client, owner, content, file_format, **fields)
        await run_imports(import_environment)
        return {(line["verdict"], line["key"], line["message"]) for line in lines_of(import_client, owner, job)}

    assert await imported(user, dry_run="true") == {("known", held, OWNED), ("would_be_created", None, TAKEN)}
    found = await imported(user)
    assert ("known", held, OWNED) in found
    assert {(verdict, message) for verdict, key, message in found if key != held} == {("created", TAKEN)}
    assert len(list_entries(import_client, user, state="live")["items"]) == 2
    assert {(verdict, message) for verdict, _, message in await imported(other)} == {("created", TAKEN)}


def crafted(entry: dict[str, Any], *figures: dict[str, Any]) -> bytes:
    """An export with one public link, as its fields say."""
    instant = "2020-01-01T00:00:00+00:00"
    link = {"kind": "link", "visibility": "public", "state": "live", "created_at": instant, "updated_at": instant}
    return zip_of(
        {
            "entries.jsonl": json.dumps(link | entry).encode(),
            "figures.jsonl": b"\n".join(json.dumps(day).encode() for day in figures),
            "collections.jsonl": b"",
            "manifest.json": b'{"format": "slipbin-export", "version": 1, "site": "https://slip.example"}',
        }
    )


async def test_figures_of_an_export_are_in_no_figure_of_ours(
    import_environment: Environment, import_client: httpx.Client, import_database: asyncpg.Connection
) -> None:
    user, key = new_user(import_client), f"fig{uuid4().hex[:8]}"
    today = datetime.now(UTC).date().isoformat()
    counts = {"visit_count": 10**6 + 5, "bot_count": 5, "has_public_statistics": True}
    content = crafted(
        {"key": key, "original_url": "https://a.example/", **counts},
        {"key": key, "day": "2024-01-31", "visitors": 3, "hours": {"0": [4, 1], "23": [1, 0]}},
        {"key": key, "day": today, "visitors": 10**6, "hours": {"0": [10**6, 4]}},
    )
    order_import(import_client, user, content, "slipbin-zip")
    await run_imports(import_environment)

    told = get_statistics(import_client, key)

    assert (told["visit_count"], told["bot_count"], told["unique_visitors"], told["last_visit_at"]) == (0, 0, 0, None)
    assert told["before_import"] == {
        "visit_count": 10**6 + 5,
        "bot_count": 5,
        "first_day": "2024-01-31",
        "last_day": today,
        "months": [
            {"month": "2024-01-01", "visit_count": 5, "bot_count": 1, "unique_visitors": 3},
            {"month": f"{today[:7]}-01", "visit_count": 10**6, "bot_count": 4, "unique_visitors": 10**6},
        ],
    }
    own = import_client.get("/api/v1/stats/me", headers=user.headers).json()
    assert (own["visit_count"], own["bot_count"]) == (0, 0)
    for table in ("visit", "visit_hour", "visit_day_value", "visit_month"):
        assert await import_database.fetchval(f"SELECT count(*) FROM {table} WHERE key = $1", key) == 0, table
    page = " ".join(import_client.get(f"/{key}/stats").text.split())
    assert "Before the import" in page
    assert f"31 Jan 2024 – {int(today[8:])} " in page
    assert "1,000,005 visits, and 5 by crawlers" in page
    assert "No visits in this period." in page


async def test_earlier_targets_that_can_not_have_been_are_left_out(
    import_environment: Environment, import_client: httpx.Client
) -> None:
    """A visit counts for the target that was valid at its time, which no file may foretell."""
    user, key = new_user(import_client), f"tar{uuid4().hex[:8]}"
    targets = [
        {"valid_from": "0001-01-01T00:00:00+23:59", "original_url": "https://never.example/"},
        {"valid_from": "2020-01-01T00:00:00.123456+00:00", "original_url": "https://first.example/"},
        {"valid_from": "2020-01-02T00:00:00Z", "original_url": "javascript:alert(1)"},
        {"valid_from": "2999-01-01T00:00:00Z", "original_url": "https://later.example/"},
    ]
    content = crafted({"key": key, "original_url": "https://now.example/", "targets": targets})
    order_import(import_client, user, content, "slipbin-zip")
    await run_imports(import_environment)

    (link,) = lines(exported(import_client, user), "entries.jsonl")

    assert link["targets"] == [
        {"valid_from": "2020-01-01T00:00:00.123000+00:00", "original_url": "https://first.example/"},
        {"valid_from": "2020-01-01T00:00:00.124000+00:00", "original_url": "https://now.example/"},
    ]
