"""Collections by the API: made, renamed, listed and deleted by whose they are."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import asyncpg
import httpx

from main_service.collections.service import MAX_COLLECTIONS
from tests.support.accounts import api_token_headers, new_user
from tests.support.collections import (
    COLLECTIONS,
    add_to_collection,
    change_collection,
    collection_keys,
    create_collection,
    status_and_code,
)
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.web import WebServer


def test_collection_is_made_and_found(client: httpx.Client) -> None:
    user = new_user(client)

    made = create_collection(client, user, "  Reading list ")

    assert set(made) == {"id", "name", "shared_url", "created_at", "entry_count"}
    assert (made["name"], made["shared_url"], made["entry_count"]) == ("Reading list", None, 0)
    assert client.get(f"{COLLECTIONS}/{made['id']}", headers=user.headers).json() == made
    assert client.get(COLLECTIONS, headers=user.headers).json() == {"items": [made]}


def test_mine_are_listed_by_name_with_their_counts(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    for name in ("beta", "älter", "Gamma"):
        create_collection(client, user, name)
    alpha = create_collection(client, user, "Alpha")
    create_collection(client, other, "Theirs")
    keys = [create_paste(client)["key"] for _ in range(2)]
    [alpha] = [
        each for each in client.get(COLLECTIONS, headers=user.headers).json()["items"] if each["name"] == "Alpha"
    ]
    add_to_collection(client, user, alpha, *keys)

    found = client.get(COLLECTIONS, headers=user.headers).json()["items"]

    assert [(each["name"], each["entry_count"]) for each in found] == [
        ("Alpha", 2), ("beta", 0), ("Gamma", 0), ("älter", 0),
    ]  # fmt: skip


def test_name_that_cannot_be_shown_is_refused(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)
    names: list[object] = ["", "   ", "\u200b", "x" * 101, "a\nb", "a\x00b", "a\u202eb", "\ud800", 5, None, ["a"]]

    for method, place in (("POST", COLLECTIONS), ("PATCH", f"{COLLECTIONS}/{collection['id']}")):
        for name in names:
            # Python writes a surrogate as an escape, as nothing else can.
            body, headers = json.dumps({"name": name}), user.headers | {"Content-Type": "application/json"}
            refused = client.request(method, place, content=body, headers=headers)
            assert status_and_code(refused) == (422, "invalid_input"), name
    assert client.get(COLLECTIONS, headers=user.headers).json()["items"] == [collection]


def test_name_is_unique_among_mine_whatever_its_case(client: httpx.Client) -> None:
    user, other = new_user(client), new_user(client)
    create_collection(client, user, "Übersicht")
    second = create_collection(client, user, "x" * 100)

    for name in ("Übersicht", "ÜBERSICHT", " übersicht "):
        taken = client.post(COLLECTIONS, json={"name": name}, headers=user.headers)
        assert status_and_code(taken) == (409, "collection_name_taken")
        assert taken.json()["errors"][0]["field"] == "name"
        renamed = client.patch(f"{COLLECTIONS}/{second['id']}", json={"name": name}, headers=user.headers)
        assert status_and_code(renamed) == (409, "collection_name_taken")
    assert create_collection(client, other, "Übersicht")["name"] == "Übersicht"
    assert change_collection(client, user, second, name="X" * 100)["name"] == "X" * 100, "its own name, in another case"


def test_one_name_sent_20_times_at_once_makes_one(client: httpx.Client) -> None:
    user = new_user(client)

    def make(_: int) -> int:
        return client.post(COLLECTIONS, json={"name": "Only one"}, headers=user.headers).status_code

    with ThreadPoolExecutor(20) as threads:
        assert Counter(threads.map(make, range(20))) == {201: 1, 409: 19}
    assert len(client.get(COLLECTIONS, headers=user.headers).json()["items"]) == 1


async def test_account_has_at_most_1000_also_when_many_are_made_at_once(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = new_user(client)
    await database.execute(
        "INSERT INTO collection (id, owner_id, name, created_at)"
        " SELECT gen_random_uuid(), a.id, 'c ' || n, now() FROM account a, generate_series(1, $2) n WHERE email = $1",
        user.email,
        MAX_COLLECTIONS - 1,
    )

    def make(number: int) -> int:
        return client.post(COLLECTIONS, json={"name": f"new {number}"}, headers=user.headers).status_code

    with ThreadPoolExecutor(4) as threads:
        assert Counter(threads.map(make, range(4))) == {201: 1, 409: 3}
    assert status_and_code(client.post(COLLECTIONS, json={"name": "one more"}, headers=user.headers)) == (
        409,
        "too_many_collections",
    )
    assert len(client.get(COLLECTIONS, headers=user.headers).json()["items"]) == MAX_COLLECTIONS


def test_what_is_not_sent_stays_and_nothing_is_set_to_null(client: httpx.Client) -> None:
    user = new_user(client)
    collection = create_collection(client, user)

    assert change_collection(client, user, collection) == collection
    for body in ({"name": None}, {"is_shared": None}, {"is_shared": "true"}, {"is_shared": 1}, {"owner_id": "x"}):
        refused = client.patch(f"{COLLECTIONS}/{collection['id']}", json=body, headers=user.headers)
        assert status_and_code(refused) == (422, "invalid_input"), body


def test_deleting_a_collection_deletes_no_entry(client: httpx.Client) -> None:
    owner, collector = new_user(client), new_user(client)
    mine, theirs = (
        create_link(client, headers=collector.headers)["key"],
        create_paste(client, headers=owner.headers)["key"],
    )
    collection, other = create_collection(client, collector), create_collection(client, collector)
    add_to_collection(client, collector, collection, mine, theirs)
    add_to_collection(client, collector, other, mine)

    assert client.delete(f"{COLLECTIONS}/{collection['id']}", headers=collector.headers).status_code == 204

    assert status_and_code(client.get(f"{COLLECTIONS}/{collection['id']}", headers=collector.headers)) == (
        404,
        "not_found",
    )
    assert [client.get(f"/{key}").status_code for key in (mine, theirs)] == [302, 200]
    assert collection_keys(client, collector, other) == [mine]


def every_call(collection_id: str, key: str) -> list[tuple[str, str, object]]:
    """What only the owner may do."""
    one = f"{COLLECTIONS}/{collection_id}"
    return [
        ("GET", one, None),
        ("GET", f"{one}/entries", None),
        ("PATCH", one, {"name": "theirs now", "is_shared": True}),
        ("PUT", f"{one}/entries/{key}", None),
        ("POST", f"{one}/entries", {"keys": [key]}),
        ("DELETE", f"{one}/entries/{key}", None),
        ("DELETE", one, None),
    ]


async def row_of(database: asyncpg.Connection, collection_id: str) -> list[tuple[object, ...]]:
    rows = await database.fetch(
        "SELECT c::text, ce.entry_key, ce.added_at FROM collection c LEFT JOIN collection_entry ce"
        " ON ce.collection_id = c.id WHERE c.id = $1",
        collection_id,
    )
    return [tuple(row) for row in rows]


async def test_only_its_owner_has_anything_to_do_with_it(client: httpx.Client, database: asyncpg.Connection) -> None:
    owner, other = new_user(client), new_user(client)
    collection = create_collection(client, owner)
    inside, another = create_paste(client)["key"], create_paste(client)["key"]
    add_to_collection(client, owner, collection, inside)
    before = await row_of(database, collection["id"])
    reader = api_token_headers(client, owner, "read")

    for (method, place, body), unknown in zip(
        every_call(collection["id"], another), every_call(str(uuid4()), another), strict=True
    ):
        guest = client.request(method, place, json=body)
        assert status_and_code(guest) == (401, "sign_in_required"), place
        others = client.request(method, place, json=body, headers=other.headers)
        no_such = client.request(method, unknown[1], json=body, headers=other.headers)
        assert status_and_code(others) == (404, "not_found"), place
        assert others.content == no_such.content
        for answer in (others, no_such):
            del answer.headers["date"], answer.headers["x-request-id"]
        assert others.headers == no_such.headers
        by_reader = client.request(method, place, json=body, headers=reader)
        assert (
            (by_reader.status_code == 200) if method == "GET" else status_and_code(by_reader) == (403, "scope_missing")
        ), place
    assert status_and_code(client.post(COLLECTIONS, json={"name": "x"}, headers=reader)) == (403, "scope_missing")
    assert status_and_code(client.post(COLLECTIONS, json={"name": "x"})) == (401, "sign_in_required")
    assert status_and_code(client.get(COLLECTIONS)) == (401, "sign_in_required")
    assert client.get(COLLECTIONS, headers=reader).status_code == 200
    assert await row_of(database, collection["id"]) == before

    await database.execute("UPDATE account SET is_active = false WHERE email = $1", owner.email)
    for method, place, body in [*every_call(collection["id"], another), ("GET", COLLECTIONS, None)]:
        assert status_and_code(client.request(method, place, json=body, headers=owner.headers)) == (
            401,
            "token_invalid",
        ), place
    assert await row_of(database, collection["id"]) == before


def test_token_that_may_write_changes_collections(client: httpx.Client) -> None:
    user = new_user(client)
    collection, key = create_collection(client, user), create_paste(client)["key"]
    writer = api_token_headers(client, user, "read", "write")

    statuses = [
        client.request(method, place, json=body, headers=writer).status_code
        for method, place, body in every_call(collection["id"], key)
    ]

    assert statuses == [200, 200, 200, 204, 200, 204, 204]


def test_word_that_is_no_id_is_invalid(client: httpx.Client) -> None:
    user = new_user(client)

    assert status_and_code(client.get(f"{COLLECTIONS}/no-id", headers=user.headers)) == (422, "invalid_input")


def test_address_must_be_confirmed_first_where_that_is_asked(environment: Environment) -> None:
    with WebServer(environment | {"MAIN_REQUIRE_VERIFIED": "true"}) as server:
        user = new_user(server.client)

        refused = server.client.post(COLLECTIONS, json={"name": "x"}, headers=user.headers)

        assert status_and_code(refused) == (403, "address_unconfirmed")
        assert server.client.get(COLLECTIONS, headers=user.headers).json() == {"items": []}
