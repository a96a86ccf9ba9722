"""Listing one's own entries through the API: whose they are, filters, order, pages."""

import asyncpg
import httpx

from tests.support.accounts import account_id_of, api_token_headers, new_user
from tests.support.collections import insert_collection
from tests.support.entries import (
    create_link,
    delete_entry,
    expire_entry,
    insert_many_entries,
    list_entries,
    list_entry_keys,
    owned_link,
    owned_paste,
)

SORTS = ("created", "-created", "updated", "-updated", "expires", "-expires", "title", "-title")


def test_list_holds_only_my_entries(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    mine = [owned_paste(client, user), owned_link(client, user, visibility="private")]
    theirs = owned_paste(client, other)
    create_link(client)

    assert list_entry_keys(client, user) == mine[::-1]
    assert list_entry_keys(client, other) == [theirs]


async def test_list_needs_an_account_and_a_token_that_may_read_is_enough(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    key = owned_paste(client, user)
    reader = api_token_headers(client, user, "read")

    for path in ("/api/v1/entries", "/api/v1/entries/export"):
        guest = client.get(path)
        assert (guest.status_code, guest.json()["code"]) == (401, "sign_in_required")
        assert key in client.get(path, headers=reader).text
        await database.execute("UPDATE account SET is_active = false WHERE lower(email) = $1", user.email)
        for headers in (user.headers, reader):
            assert client.get(path, headers=headers).status_code == 401
        await database.execute("UPDATE account SET is_active = true WHERE lower(email) = $1", user.email)


def test_item_is_the_entry_as_its_owner_sees_it(client: httpx.Client) -> None:
    user = new_user(client)
    owned_link(client, user, title="A", original_url="https://example.org/a", views=3, expires_in="never")
    owned_paste(client, user, text="ä", syntax="python")

    paste, link = list_entries(client, user)["items"]

    shown = {name: link[name] for name in ("kind", "title", "original_url", "views_left", "expires_at", "state")}
    assert shown == {
        "kind": "link",
        "title": "A",
        "original_url": "https://example.org/a",
        "views_left": 3,
        "expires_at": None,
        "state": "live",
    }
    assert link["url"] == link["short_url"] == f"http://slipbin.test/{link['key']}"
    assert (link["ended_at"], link["archival_reason"]) == (None, None)
    assert (paste["kind"], paste["size_bytes"], paste["syntax"], paste["title"]) == ("paste", 2, "python", None)
    assert paste["raw_url"] == f"{paste['url']}/raw"
    assert paste["text_url"] == f"http://slipbin.test/api/v1/entries/{paste['key']}/text"
    assert not {"manage_token", "owner_id", "body_id"} & set(paste)


async def test_filters_leave_what_they_name(client: httpx.Client, database: asyncpg.Connection) -> None:
    user, other = new_user(client), new_user(client)
    paste = owned_paste(client, user, title="Holiday Plans", visibility="public")
    link = owned_link(client, user, original_url="https://example.org/Plans?a=1")
    private = owned_link(client, user, original_url="https://example.org/b", visibility="private")
    collection = await insert_collection(
        database, account_id_of(client, user), paste, private, owned_paste(client, other)
    )

    for query, expected in (
        ({"kind": "paste"}, {paste}),
        ({"kind": "link"}, {link, private}),
        ({"visibility": "private"}, {private}),
        ({"q": "pLANS"}, {paste, link}),
        ({"q": "plans", "kind": "link"}, {link}),
        ({"q": "example.org/b"}, {private}),
        ({"q": ""}, {paste, link, private}),
        ({"q": "nothing like it"}, set()),
        ({"original_url": "https://example.org/Plans?a=1"}, {link}),
        ({"original_url": "https://example.org/plans?a=1"}, set()),
        ({"collection": str(collection)}, {paste, private}),
        ({"collection": str(collection), "kind": "link"}, {private}),
        ({"collection": "trips"}, {paste, private}),
        ({"collection": " TRIPS ", "kind": "paste"}, {paste}),
    ):
        for sort in SORTS:
            assert set(list_entry_keys(client, user, sort=sort, **query)) == expected, (query, sort)


async def test_states_are_by_the_clock_and_by_the_mark(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    live, endless, over, marked, deleted, forgotten = (
        owned_paste(client, user, title="x"),
        owned_link(client, user, expires_in="never"),
        owned_link(client, user),
        owned_paste(client, user),
        owned_link(client, user),
        owned_paste(client, user),
    )
    await expire_entry(database, over)
    await expire_entry(database, marked)
    await database.execute("UPDATE entry SET ended_at = expires_at, archival_reason = 'expired' WHERE key = $1", marked)
    delete_entry(client, user, deleted)
    delete_entry(client, user, forgotten)
    await database.execute("UPDATE entry SET body_id = NULL, size_bytes = NULL WHERE key = $1", forgotten)

    assert set(list_entry_keys(client, user, state="live")) == {live, endless}
    assert set(list_entry_keys(client, user, state="expired")) == {over, marked}
    assert set(list_entry_keys(client, user, state="ended")) == {over, marked, deleted, forgotten}
    items = {item["key"]: item for item in list_entries(client, user)["items"]}
    assert {key: item["state"] for key, item in items.items()} == {
        live: "live", endless: "live", over: "expired", marked: "expired", deleted: "ended", forgotten: "ended",
    }  # fmt: skip
    for key, reason in ((over, "expired"), (marked, "expired"), (deleted, "deleted")):
        assert items[key]["archival_reason"] == reason
        assert items[key]["ended_at"] is not None
    assert items[over]["ended_at"] == items[over]["expires_at"]
    assert items[forgotten]["size_bytes"] is None


async def test_collection_of_another_user_is_a_404_like_one_that_never_was(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, other = new_user(client), new_user(client)
    theirs = await insert_collection(database, account_id_of(client, other), owned_paste(client, user))

    answers = [
        client.get("/api/v1/entries", params={"collection": str(each)}, headers=user.headers)
        for each in (theirs, "5f3c6a52-0000-4000-8000-000000000000", "Trips", "1")
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert all(answer.json() == answers[0].json() for answer in answers)


async def test_collection_is_found_by_its_id_before_one_that_is_named_like_it(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    first, second = owned_paste(client, user), owned_paste(client, user)
    collection = await insert_collection(database, account_id_of(client, user), first)
    await insert_collection(database, account_id_of(client, user), second, name=str(collection))

    assert list_entry_keys(client, user, collection=str(collection)) == [first]


async def test_newest_come_first_by_default_and_50_to_a_page(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    await insert_many_entries(database, account_id_of(client, user), 60)
    keys = [owned_link(client, user) for _ in range(3)]

    page = list_entries(client, user)

    assert [item["key"] for item in page["items"]][:3] == keys[::-1]
    assert len(page["items"]) == 50
    assert len(list_entries(client, user, cursor=page["next_cursor"])["items"]) == 13


async def test_no_character_of_a_search_is_special(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    owned_paste(client, user, title="plain title")
    key = owned_link(client, user)

    for q in ("%", "_", "\\", "%%%", "100%_\\", "'; --", "\u202e", "a" * 200, "😀", "\ufffd"):
        await database.execute("UPDATE entry SET title = $2 WHERE key = $1", key, f"<{q}>")
        assert list_entry_keys(client, user, q=q) == [key], q


HOSTILE = (
    ("q=%00", "q"),
    ("q=a%0Ab", "q"),
    ("q=" + "a" * 201, "q"),
    ("kind=file", "kind"),
    ("state=dead", "state"),
    ("visibility=secret", "visibility"),
    ("collection=", "collection"),
    ("collection=%00", "collection"),
    ("collection=" + "a" * 101, "collection"),
    ("sort=size", "sort"),
    ("sort=--title", "sort"),
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=9999999999999999999999", "limit"),
    ("original_url=" + "a" * 8193, "original_url"),
    ("knid=link", "knid"),
    ("cursor=", "cursor"),
    ("cursor=garbage", "cursor"),
    ("cursor=%00", "cursor"),
    ("cursor=%FF%FE", "cursor"),
    ("cursor=%F0%9F%98%80", "cursor"),
    ("cursor=" + "A" * 4096, "cursor"),
    ("cursor=" + "A" * 4097, "cursor"),
    ("cursor=W10", "cursor"),
)


def test_hostile_query_is_a_422_that_names_the_field(client: httpx.Client) -> None:
    user = new_user(client)

    for query, field in HOSTILE:
        response = client.get(f"/api/v1/entries?{query}", headers=user.headers)

        assert response.status_code == 422, (query, response.text)
        [problem] = response.json()["errors"]
        assert problem["field"] == field
        assert problem["message"].endswith(".")
