"""Page after page of a user's entries: each once, in order, by cursors that only fit their list."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.accounts import account_id_of, new_user
from tests.support.entries import insert_many_entries, list_entries, list_entry_keys, owned_paste

FIELDS = {"created": "created_at", "updated": "updated_at", "expires": "expires_at", "title": "title"}
SORTS = ("created", "-created", "updated", "-updated", "expires", "-expires", "title", "-title")


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_hold_every_entry_once_in_order_while_others_are_added(
    client: httpx.Client, database: asyncpg.Connection, sort: str
) -> None:
    user = new_user(client)
    owner_id = account_id_of(client, user)
    before = await insert_many_entries(database, owner_id, 240)

    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = list_entries(client, user, sort=sort, limit=17, **cursor)
        items += page["items"]
        assert len(page["items"]) == 17 or page["next_cursor"] is None
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        if len(items) < 240:
            await insert_many_entries(database, owner_id, 10)
            owned_paste(client, user, title="Notes 3")

    keys = [item["key"] for item in items]
    assert len(set(keys)) == len(keys)
    assert before <= set(keys)
    values = [item[FIELDS[sort.removeprefix("-")]] for item in items]
    with_value = [value.lower() if sort.endswith("title") else value for value in values if value is not None]
    assert values[len(with_value) :] == [None] * (len(values) - len(with_value)), "without a value: last"
    assert with_value == sorted(with_value, reverse=sort.startswith("-"))


@pytest.mark.parametrize("sort", ["expires", "-expires", "title", "-title"])
async def test_page_may_begin_or_end_where_values_end(
    client: httpx.Client, database: asyncpg.Connection, sort: str
) -> None:
    user = new_user(client)
    keys = await insert_many_entries(database, account_id_of(client, user), 14)

    orders = [list_entry_keys(client, user, sort=sort, limit=limit) for limit in (1, 2, 3, 5, 12, 13, 14, 15)]

    assert all(order == orders[0] for order in orders)
    assert set(orders[0]) == keys


async def test_cursor_of_another_sort_or_a_changed_one_is_refused(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    await insert_many_entries(database, account_id_of(client, user), 5)
    cursor = list_entries(client, user, sort="title", limit=2)["next_cursor"]
    middle = len(cursor) // 2
    changed = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]

    for sort, bad in (
        ("-title", cursor),
        ("created", cursor),
        ("title", changed),
        ("title", cursor[:-4]),
        ("title", cursor + "!"),
    ):
        response = client.get("/api/v1/entries", params={"sort": sort, "cursor": bad}, headers=user.headers)
        assert response.status_code == 422
        assert response.json()["errors"][0]["code"] == "cursor_invalid"
    assert len(list_entries(client, user, sort="title", limit=2, cursor=cursor)["items"]) == 2


def test_longest_titles_make_cursors_that_are_taken(client: httpx.Client) -> None:
    user = new_user(client)
    keys = {owned_paste(client, user, title=letter * 200) for letter in ("😀", "\\", "İ")}

    assert set(list_entry_keys(client, user, sort="title", limit=1)) == keys


def test_cursor_of_one_user_shows_another_only_their_own(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    theirs = {owned_paste(client, other), owned_paste(client, other)}
    for _ in range(2):
        owned_paste(client, user)
    cursor = list_entries(client, user, limit=1)["next_cursor"]

    assert set(list_entry_keys(client, other)) == theirs
    assert {item["key"] for item in list_entries(client, other, cursor=cursor)["items"]} <= theirs
