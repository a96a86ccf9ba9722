"""What is in a collection: who may add what, and the list of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx

from tests.support.accounts import User, new_user
from tests.support.collections import (
    add_to_collection,
    collection_keys,
    create_collection,
    entries_path,
    status_and_code,
)
from tests.support.entries import create_link, create_paste, manage_headers, new_alias

# Base58 has no `0`: never drawn.
UNKNOWN = "0AAAAAAAAAA"


def count_of(client: httpx.Client, user: User, collection: dict[str, Any]) -> int:
    count: int = client.get(f"/api/v1/collections/{collection['id']}", headers=user.headers).json()["entry_count"]
    return count


def ended(client: httpx.Client) -> str:
    entry = create_paste(client)
    client.delete(f"/api/v1/entries/{entry['key']}", headers=manage_headers(entry)).raise_for_status()
    key: str = entry["key"]
    return key


async def many_links(database: asyncpg.Connection, count: int, owner: User | None = None) -> list[str]:
    """The keys of so many new links, in their order."""
    prefix = new_alias()
    await database.execute(
        "INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url, owner_id)"
        " SELECT $1 || n, 'link', 'unlisted', now(), now(), now() + interval '1 day', 'https://example.org/',"
        " (SELECT id FROM account WHERE email = $3) FROM generate_series(1000, 999 + $2::int) n",
        prefix,
        count,
        owner and owner.email,
    )
    return [f"{prefix}{number}" for number in range(1000, 1000 + count)]


def test_entries_one_may_see_are_added_newest_first_and_again_is_harmless(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    collection = create_collection(client, user)
    keys = [
        create_paste(client)["key"],
        create_link(client, headers=user.headers, visibility="private")["key"],
        create_link(client, headers=other.headers, visibility="public", alias=new_alias())["key"],
        create_paste(client, headers=other.headers)["key"],
        create_paste(client, views=2)["key"],
    ]

    add_to_collection(client, user, collection, *keys)
    add_to_collection(client, user, collection, keys[0])

    assert collection_keys(client, user, collection) == keys[::-1]
    assert count_of(client, user, collection) == 5


async def test_private_entry_of_another_is_as_unknown(client: httpx.Client, database: asyncpg.Connection) -> None:
    user, other = new_user(client), new_user(client)
    collection = create_collection(client, user)
    live, over = (create_paste(client, headers=other.headers, visibility="private")["key"] for _ in range(2))
    client.delete(f"/api/v1/entries/{over}", headers=other.headers).raise_for_status()

    answers = [client.put(entries_path(collection, key), headers=user.headers) for key in (live, over, UNKNOWN)]
    assert [status_and_code(answer) for answer in answers] == [(404, "not_found")] * 3
    assert len({answer.content for answer in answers}) == 1
    many = client.post(entries_path(collection), json={"keys": [live, over, UNKNOWN]}, headers=user.headers)
    assert many.json() == {"added": [], "not_added": [live, over, UNKNOWN]}
    assert await database.fetchval("SELECT count(*) FROM collection_entry WHERE entry_key = ANY($1)", [live, over]) == 0


def test_ended_entry_is_not_added(client: httpx.Client) -> None:
    user = new_user(client)
    collection, key = create_collection(client, user), ended(client)

    assert status_and_code(client.put(entries_path(collection, key), headers=user.headers)) == (410, "ended")
    many = client.post(entries_path(collection), json={"keys": [key]}, headers=user.headers)
    assert many.json() == {"added": [], "not_added": [key]}


def test_what_is_no_key_is_not_added_nor_taken_out(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)

    for word in ("a", "x" * 65, "%00%00%00", "%F0%9F%8D%8E%F0%9F%8D%8E%F0%9F%8D%8E"):
        assert status_and_code(client.put(entries_path(collection, word), headers=user.headers)) == (404, "not_found")
        assert client.delete(entries_path(collection, word), headers=user.headers).status_code == 204
    words = ["", "a\x00bc", "\U0001f34e" * 3, "a b c"]
    many = client.post(entries_path(collection), json={"keys": words}, headers=user.headers)
    assert many.json() == {"added": [], "not_added": words}
    headers = user.headers | {"Content-Type": "application/json"}
    surrogate = client.post(entries_path(collection), content='{"keys": ["\\ud800"]}', headers=headers)
    assert status_and_code(surrogate) == (422, "invalid_input")


async def test_a_thousand_are_added_at_once_and_no_more(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    collection = create_collection(client, user)
    keys = (await many_links(database, 998))[::-1]

    # As people write it: a line for each.
    body = json.dumps({"keys": [*keys, UNKNOWN, keys[0]]}, indent=4)
    done = client.post(
        entries_path(collection), content=body, headers=user.headers | {"Content-Type": "application/json"}
    )
    too_many = client.post(entries_path(collection), json={"keys": ["aaa"] * 1001}, headers=user.headers)

    assert done.json() == {"added": keys, "not_added": [UNKNOWN]}
    assert count_of(client, user, collection) == 998
    assert status_and_code(too_many) == (422, "invalid_input")
    assert status_and_code(client.post(entries_path(collection), json={"keys": []}, headers=user.headers)) == (
        422,
        "invalid_input",
    )


async def test_entries_are_added_while_they_are_deleted(client: httpx.Client, database: asyncpg.Connection) -> None:
    """Done in opposite orders, many times, this makes no deadlock."""
    user = new_user(client)
    collections = [create_collection(client, user) for _ in range(2)]

    def send(place: str, keys: list[str]) -> int:
        return client.post(place, json={"keys": keys}, headers=user.headers).status_code

    for _ in range(4):
        keys = await many_links(database, 1000, owner=user)
        with ThreadPoolExecutor(3) as threads:
            sent = [threads.submit(send, entries_path(collection), keys[::-1]) for collection in collections]
            sent.append(threads.submit(send, "/api/v1/entries/delete", keys))
        assert [each.result() for each in sent] == [200, 200, 200]


def test_entry_is_taken_out_and_stays_itself(client: httpx.Client) -> None:
    user = new_user(client)
    collection, other = create_collection(client, user), create_collection(client, user)
    key, kept = create_paste(client)["key"], create_paste(client)["key"]
    add_to_collection(client, user, collection, key, kept)
    add_to_collection(client, user, other, key)

    for _ in range(2):
        assert client.delete(entries_path(collection, key), headers=user.headers).status_code == 204

    assert collection_keys(client, user, collection) == [kept]
    assert collection_keys(client, user, other) == [key]
    assert client.get(f"/{key}").status_code == 200


async def test_list_goes_on_where_it_was_while_entries_are_added_and_taken_out(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)
    keys = [create_paste(client)["key"] for _ in range(7)]
    # Six of one instant, which their keys put in order, and one before them.
    add_to_collection(client, user, collection, keys[0])
    client.post(entries_path(collection), json={"keys": keys[1:]}, headers=user.headers)
    before = collection_keys(client, user, collection)
    seen: list[str] = []
    cursor: str | None = None

    while True:
        query = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        page = client.get(entries_path(collection), params=query, headers=user.headers).json()
        seen += [item["key"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        add_to_collection(client, user, collection, create_paste(client)["key"])
        # The one that the next page goes on from, and later one before it.
        client.delete(entries_path(collection, seen[-1 if len(seen) == 2 else 0]), headers=user.headers)

    assert seen == before
    assert seen == [*sorted(keys[1:], reverse=True), keys[0]]


def test_last_page_says_that_it_is_the_last_though_it_is_full(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)
    add_to_collection(client, user, collection, *(create_paste(client)["key"] for _ in range(4)))

    first = client.get(entries_path(collection), params={"limit": 2}, headers=user.headers).json()
    second = client.get(
        entries_path(collection), params={"limit": 2, "cursor": first["next_cursor"]}, headers=user.headers
    ).json()

    assert [len(page["items"]) for page in (first, second)] == [2, 2]
    assert second["next_cursor"] is None


def test_cursor_that_is_none_is_refused(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)

    for cursor in (
        "",
        "a",
        "1.a",
        "1.abc\n",
        "-1.abc",
        "99999999999999999.abc",
        "1.ab\x00c",
        "1." + "x" * 65,
        "\u0661.abc",
    ):
        answer = client.get(entries_path(collection), params={"cursor": cursor}, headers=user.headers)
        assert status_and_code(answer) == (422, "invalid_input"), cursor
    for limit in ("0", "101", "x", "1e9"):
        assert client.get(entries_path(collection), params={"limit": limit}, headers=user.headers).status_code == 422
    for cursor in ("0.abc", "9999999999999999.zzz"):
        answer = client.get(entries_path(collection), params={"cursor": cursor}, headers=user.headers)
        assert answer.status_code == 200, cursor


async def test_what_ended_or_became_private_is_listed_and_counted_no_more(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, other = new_user(client), new_user(client)
    collection = create_collection(client, user)
    stays, deleted, expired, hidden, mine = (
        create_paste(client, headers=owner.headers)["key"] for owner in (other, other, other, other, user)
    )
    add_to_collection(client, user, collection, stays, deleted, expired, hidden, mine)

    client.delete(f"/api/v1/entries/{deleted}", headers=other.headers).raise_for_status()
    await database.execute("UPDATE entry SET expires_at = now() WHERE key = $1", expired)
    for key, owner in ((hidden, other), (mine, user)):
        body = {"visibility": "private"}
        client.patch(f"/api/v1/entries/{key}", json=body, headers=owner.headers).raise_for_status()

    assert collection_keys(client, user, collection) == [mine, stays]
    assert count_of(client, user, collection) == 2
    [found] = client.get("/api/v1/collections", headers=user.headers).json()["items"]
    assert found["entry_count"] == 2


def test_title_and_target_of_limited_views_are_shown_to_their_owner_alone(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    collection = create_collection(client, user)
    mine = create_link(client, headers=user.headers, views=2, title="mine")["key"]
    theirs = create_link(client, headers=other.headers, views=2, title="theirs")["key"]
    open_ = create_link(client, headers=other.headers, title="open")["key"]
    add_to_collection(client, user, collection, open_, theirs, mine)

    items = client.get(entries_path(collection), headers=user.headers).json()["items"]

    target = "https://example.org/target"
    assert [(item["key"], item["title"], item["original_url"], item["views_left"]) for item in items] == [
        (mine, "mine", target, 2), (theirs, None, None, 2), (open_, "open", target, None),
    ]  # fmt: skip
