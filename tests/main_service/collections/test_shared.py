"""Shared collections by the API: who reads what of them, and that no reader can change anything."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import asyncpg
import httpx

from main_service.collections.service import CollectionService
from main_service.entries.read import KeyLookup
from main_service.keys.pool import Pool
from main_service.resources import open_resources
from main_service.settings import Settings
from tests.support.accounts import PASSWORD, api_token_headers, bearer, new_user
from tests.support.collections import (
    add_to_collection,
    change_collection,
    create_collection,
    entries_path,
    new_collection_name,
    read_shared,
    share_collection,
    status_and_code,
)
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.pages import CURL

UNKNOWN = "0AAAAAAAAAA"


def read(client: httpx.Client, key: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return client.get(f"/api/v1/shared/{key}", headers=headers)


def test_sharing_gives_an_address_until_it_ends_and_another_one_then(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)

    first = change_collection(client, user, collection, is_shared=True)["shared_url"]
    assert change_collection(client, user, collection, is_shared=True)["shared_url"] == first
    assert change_collection(client, user, collection, name=new_collection_name())["shared_url"] == first
    key = first.removeprefix("http://slipbin.test/c/")
    assert (len(key), key.isalnum()) == (11, True)
    assert read(client, key).status_code == 200
    assert change_collection(client, user, collection, is_shared=False)["shared_url"] is None
    assert status_and_code(read(client, key)) == (404, "not_found")
    second = share_collection(client, user, collection)
    assert second != key
    assert [read(client, each).status_code for each in (key, second)] == [404, 200]
    client.delete(f"/api/v1/collections/{collection['id']}", headers=user.headers).raise_for_status()
    assert read(client, second).content == read(client, UNKNOWN).content
    assert status_and_code(read(client, second)) == (404, "not_found")


def test_sharing_many_times_at_once_gives_one_address(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)

    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: share_collection(client, user, collection), range(8)))

    assert len(keys) == 1


async def test_key_that_is_in_use_is_passed_over(client: httpx.Client, environment: Environment) -> None:
    user, other = new_user(client), new_user(client)
    theirs, mine = create_collection(client, other), create_collection(client, user)
    taken = share_collection(client, other, theirs)
    fresh = uuid4().hex[:11]
    me = client.get("/api/v1/users/me", headers=user.headers).json()["id"]

    class Keys:
        drawn = [fresh, taken]

        async def take(self, pool: Pool) -> str:
            assert pool is Pool.PASTE
            return self.drawn.pop()

    values = {name.removeprefix("MAIN_").lower(): v for name, v in environment.items() if name.startswith("MAIN_")}
    async with open_resources(Settings(**values)) as resources, resources.sessions() as session:
        lookup = KeyLookup(resources.scan_limit, None)
        collections = CollectionService(session=session, keys=Keys(), lookup=lookup, settings=resources.settings)
        shared = await collections.change(me, mine["id"], name=None, is_shared=True)
        await session.rollback()

    assert shared.shared_key == fresh


def test_each_reader_sees_what_they_may_see(client: httpx.Client) -> None:
    collector, owner, stranger = new_user(client), new_user(client), new_user(client)
    collection = create_collection(client, collector, "For all")
    public = create_paste(client, headers=owner.headers, visibility="public")["key"]
    unlisted = create_link(client)["key"]
    becomes_private = create_paste(client, headers=owner.headers)["key"]
    private = create_paste(client, headers=collector.headers, visibility="private")["key"]
    add_to_collection(client, collector, collection, public, unlisted, becomes_private, private)
    body = {"visibility": "private"}
    client.patch(f"/api/v1/entries/{becomes_private}", json=body, headers=owner.headers).raise_for_status()
    key = share_collection(client, collector, collection)

    assert read_shared(client, key) == [unlisted, public]
    assert read_shared(client, key, stranger.headers) == [unlisted, public]
    assert read_shared(client, key, owner.headers) == [becomes_private, unlisted, public]
    assert read_shared(client, key, collector.headers) == [private, unlisted, public]
    assert read_shared(client, key, api_token_headers(client, collector, "read")) == [private, unlisted, public]
    assert status_and_code(read(client, key, bearer("slp_" + "A" * 43))) == (401, "token_invalid")
    answer = read(client, key)
    assert answer.headers["x-robots-tag"] == "noindex"
    assert set(answer.json()) == {"name", "items", "next_cursor"}
    assert answer.json()["name"] == "For all"


async def test_what_ended_is_not_listed(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = new_user(client)
    collection = create_collection(client, user)
    deleted, expired, viewed, stays = (create_paste(client, headers=user.headers, views=1)["key"] for _ in range(4))
    add_to_collection(client, user, collection, stays, deleted, expired, viewed)
    key = share_collection(client, user, collection)
    assert read_shared(client, key) == [viewed, expired, deleted, stays]

    client.delete(f"/api/v1/entries/{deleted}", headers=user.headers).raise_for_status()
    await database.execute("UPDATE entry SET expires_at = now() WHERE key = $1", expired)
    client.get(f"/{viewed}", headers=CURL).raise_for_status()

    assert read_shared(client, key) == [stays]


def test_limited_views_show_neither_title_nor_target_even_to_their_owner(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)
    limited = create_link(client, headers=user.headers, views=3, title="hidden")["key"]
    usual = create_link(client, headers=user.headers, title="shown")["key"]
    add_to_collection(client, user, collection, limited, usual)
    key = share_collection(client, user, collection)

    for headers in (None, user.headers):
        items = read(client, key, headers).json()["items"]
        assert [(item["key"], item["title"], item["original_url"]) for item in items] == [
            (usual, "shown", "https://example.org/target"), (limited, None, None),
        ]  # fmt: skip
        assert items[1]["views_left"] == 3, "listing spends none"


def test_pages_of_a_shared_collection_are_full_though_some_of_it_is_hidden(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    collection = create_collection(client, user)
    keys = [
        create_paste(client, headers=user.headers, visibility="unlisted" if number % 2 else "private")["key"]
        for number in range(8)
    ]
    add_to_collection(client, user, collection, *keys)
    key = share_collection(client, user, collection)

    first = client.get(f"/api/v1/shared/{key}", params={"limit": 3}, headers=other.headers).json()
    second = client.get(
        f"/api/v1/shared/{key}", params={"limit": 3, "cursor": first["next_cursor"]}, headers=other.headers
    ).json()

    assert [item["key"] for item in first["items"]] == [keys[7], keys[5], keys[3]]
    assert ([item["key"] for item in second["items"]], second["next_cursor"]) == ([keys[1]], None)


def test_nothing_is_changed_by_its_shared_address(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    collection = create_collection(client, user)
    entry = create_paste(client, headers=user.headers)["key"]
    add_to_collection(client, user, collection, entry)
    key = share_collection(client, user, collection)

    for who in (other, user):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.request(method, f"/api/v1/shared/{key}", json={}, headers=who.headers)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
            for place in (f"/api/v1/shared/{key}/entries/{entry}", f"/api/v1/collections/{key}/entries/{entry}"):
                assert client.request(method, place, json={}, headers=who.headers).status_code in (404, 405, 422)
    assert read_shared(client, key) == [entry]
    assert client.get(f"/{entry}").status_code == 200
    assert client.delete(entries_path(collection, entry), headers=other.headers).status_code == 404


def test_hostile_keys_are_unknown(client: httpx.Client) -> None:
    for key in ("a", "%00%00%00", "x" * 2_000, "%F0%9F%8D%8E%F0%9F%8D%8E%F0%9F%8D%8E", "..%2f..%2f"):
        assert status_and_code(read(client, key)) == (404, "not_found")


async def test_collection_of_a_disabled_account_stays_and_that_of_a_deleted_one_goes(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user, gone = new_user(client), new_user(client)
    entry = create_paste(client)["key"]
    shared = {}
    for each in (user, gone):
        collection = create_collection(client, each)
        add_to_collection(client, each, collection, entry)
        shared[each.email] = share_collection(client, each, collection)

    await database.execute("UPDATE account SET is_active = false WHERE email = $1", user.email)
    body = {"password": PASSWORD, "entries": "leave"}
    client.request("DELETE", "/api/v1/users/me", json=body, headers=gone.headers).raise_for_status()

    assert read_shared(client, shared[user.email]) == [entry]
    assert status_and_code(read(client, shared[gone.email])) == (404, "not_found")


async def test_collection_of_an_account_that_is_being_deleted_is_shared_no_more(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    key = share_collection(client, user, create_collection(client, user))

    await database.execute("UPDATE account SET left_at = now() WHERE email = $1", user.email)
    try:
        assert status_and_code(read(client, key)) == (404, "not_found")
    finally:
        await database.execute("UPDATE account SET left_at = NULL WHERE email = $1", user.email)
