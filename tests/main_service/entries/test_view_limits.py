"""Entries that end after a number of views: exactly so many readers see them, and looking alone shows them to none."""

import json
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
import redis

from tests.support.engines import Environment, run_main
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.limited_views import (
    SECRET_TARGET,
    SECRET_TEXT,
    SECRET_TITLE,
    assert_is_viewed,
    limited_link,
    limited_paste,
    views_left,
)
from tests.support.pages import BROWSER, CURL
from tests.support.swift_server import SwiftServer
from tests.support.waiting import eventually
from tests.support.web import WebServer

PROGRAM = CURL | {"Accept": "application/json"}
"""It is told in JSON what is wrong."""

SLACK = {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Accept": "*/*"}
PREFETCH = {**BROWSER, "Sec-Purpose": "prefetch;prerender"}


@pytest.fixture
def client(client: httpx.Client) -> httpx.Client:
    client.headers.update(PROGRAM)
    return client


@pytest.fixture
def store_client(store_client: httpx.Client) -> httpx.Client:
    store_client.headers.update(PROGRAM)
    return store_client


def test_text_can_be_read_as_often_as_was_said(store_client: httpx.Client) -> None:
    paste = limited_paste(store_client, views=3)
    assert paste["views_left"] == 3

    for address in (f"/{paste['key']}", f"/{paste['key']}/raw", f"/api/v1/entries/{paste['key']}/text"):
        answer = store_client.get(address)
        assert (answer.status_code, answer.text) == (200, SECRET_TEXT)

    for address in (f"/{paste['key']}", f"/{paste['key']}/raw", f"/api/v1/entries/{paste['key']}"):
        assert_is_viewed(store_client.get(address))


def test_link_can_be_followed_as_often_as_was_said(client: httpx.Client) -> None:
    link = limited_link(client, views=2)

    for _ in range(2):
        answer = client.get(f"/{link['key']}")
        assert (answer.status_code, answer.headers["location"]) == (302, SECRET_TARGET)

    assert_is_viewed(client.get(f"/{link['key']}"))


def test_limited_entries_take_long_keys(client: httpx.Client) -> None:
    assert len(limited_link(client, views=1)["key"]) == 11
    assert len(limited_paste(client, views=1)["key"]) == 11
    assert len(create_link(client)["key"]) == 7


@pytest.mark.parametrize("kind", ["paste", "link"])
def test_client_that_only_looks_spends_nothing_and_sees_nothing(client: httpx.Client, kind: str) -> None:
    entry = (limited_paste if kind == "paste" else limited_link)(client, views=1)
    key = entry["key"]

    looks = [
        client.get(f"/{key}", headers=BROWSER),
        client.get(f"/{key}", headers=SLACK),
        client.get(f"/{key}", headers=PREFETCH),
        client.get(f"/{key}", headers={"Purpose": "prefetch"}),
        client.head(f"/{key}"),
        client.head(f"/{key}", headers=BROWSER),
        client.get(f"/{key}+", headers=BROWSER),
        client.head(f"/{key}+"),
        client.get(f"/{key}+"),
        client.get(f"/{key}/manage", headers=BROWSER),
        client.get(f"/{key}/reveal", headers=BROWSER),
        client.get(f"/api/v1/entries/{key}"),
    ]
    if kind == "paste":
        looks += [client.head(f"/{key}/raw"), client.get(f"/{key}/raw", headers=SLACK)]

    for look in looks:
        is_slack = look.request.headers["user-agent"] == SLACK["User-Agent"]
        assert look.status_code in ((403,) if is_slack else (200, 303)), look.request
        shown = look.text + str(look.headers)
        assert not any(secret in shown for secret in (SECRET_TEXT, SECRET_TARGET, SECRET_TITLE)), look.request
        assert "all" not in look.headers["x-robots-tag"]
    metadata = looks[11].json()
    assert (metadata["views_left"], metadata["title"], metadata.get("original_url")) == (1, None, None)
    assert views_left(client, entry) == 1


def test_manager_of_an_entry_sees_all_of_it_without_spending_a_view(client: httpx.Client) -> None:
    link = limited_link(client, views=1)

    managed = client.get(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).json()

    assert (managed["original_url"], managed["title"], managed["views_left"]) == (SECRET_TARGET, SECRET_TITLE, 1)
    stranger = client.get(f"/api/v1/entries/{link['key']}", headers={"X-Manage-Token": "wrong"})
    assert (stranger.status_code, stranger.json()["code"]) == (403, "manage_token_wrong")
    changed = client.patch(f"/api/v1/entries/{link['key']}", json={"title": "New"}, headers=manage_headers(link)).json()
    assert (changed["original_url"], changed["views_left"]) == (SECRET_TARGET, 1)


def test_link_preview_of_the_text_in_the_api_is_refused(client: httpx.Client) -> None:
    paste = limited_paste(client, views=1)

    for headers in (SLACK, PREFETCH):
        answer = client.get(f"/api/v1/entries/{paste['key']}/text", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "view_not_spent")

    assert views_left(client, paste) == 1
    free = create_paste(client)
    assert client.get(f"/api/v1/entries/{free['key']}/text", headers=SLACK).status_code == 200


def test_copy_that_an_older_version_made_is_not_believed(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    """It knew no view limits, so it cached limited entries too."""
    link = limited_link(client, views=1)
    fields = {
        "kind": "link",
        "visibility": "unlisted",
        "title": None,
        "original_url": SECRET_TARGET,
        "body_id": None,
        "size_bytes": None,
        "syntax": None,
        **{name: link[name] for name in ("created_at", "updated_at", "expires_at")},
    }
    valkey.set(f"entry:{{0}}:{link['key']}", json.dumps([1, fields]))

    assert SECRET_TARGET not in client.get(f"/{link['key']}+").text
    assert client.get(f"/{link['key']}").status_code == 302
    assert_is_viewed(client.get(f"/{link['key']}"))


def test_store_that_is_away_costs_no_view(s3_web: WebServer, swift: SwiftServer, s3_environment: Environment) -> None:
    paste = limited_paste(s3_web.client, views=1)

    swift.stop()
    try:
        for answer in (
            s3_web.client.get(f"/{paste['key']}/raw", headers=PROGRAM),
            s3_web.client.post(f"/{paste['key']}/reveal", data={"other": ""}, headers=BROWSER),
        ):
            assert answer.status_code == 503
    finally:
        swift.start()

    assert views_left(s3_web.client, paste) == 1
    assert s3_web.client.get(f"/{paste['key']}/raw", headers=PROGRAM).text == SECRET_TEXT
    assert_is_viewed(s3_web.client.get(f"/{paste['key']}/raw", headers=PROGRAM))


async def test_text_is_deleted_a_minute_after_the_last_view(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    paste = limited_paste(client, views=1)
    body_id = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", paste["key"])
    assert client.get(f"/{paste['key']}/raw").text == SECRET_TEXT

    row = await database.fetchrow("SELECT * FROM entry WHERE key = $1", paste["key"])
    assert (row["views_left"], row["archival_reason"], row["body_deleted_at"]) == (0, "viewed", None)
    due_at = await database.fetchval("SELECT due_at FROM body_to_delete WHERE body_id = $1", body_id)
    assert timedelta(seconds=50) < due_at - datetime.now(UTC) <= timedelta(seconds=60)

    run_main("cleanup", environment=environment)
    assert await database.fetchval("SELECT count(*) FROM body_to_delete WHERE body_id = $1", body_id) == 1
    await database.execute("UPDATE body_to_delete SET due_at = now() WHERE body_id = $1", body_id)
    run_main("cleanup", environment=environment)
    assert await database.fetchval("SELECT count(*) FROM body_to_delete WHERE body_id = $1", body_id) == 0


def test_limited_entries_are_never_copied_to_redis(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    limited, free = limited_link(client, views=1_000_000), create_link(client)

    def is_cached() -> bool:
        for entry in (limited, free):
            client.get(f"/{entry['key']}")
            client.get(f"/api/v1/entries/{entry['key']}")
        return bool(valkey.exists(f"entry:{{0}}:{free['key']}"))

    # A process that Redis has just failed leaves it alone for two seconds.
    eventually(is_cached, "a cached entry")

    assert valkey.exists(f"entry:{{0}}:{limited['key']}") == 0


def test_expired_or_deleted_entry_spends_no_view(client: httpx.Client) -> None:
    link = limited_link(client, views=2, alias=new_alias())
    assert client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).status_code == 204

    answer = client.get(f"/{link['key']}")

    assert (answer.status_code, answer.json()["reason"]) == (410, "deleted")
