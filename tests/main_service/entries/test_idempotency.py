"""`Idempotency-Key`: a request that is sent again makes no second entry."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.support.engines import Environment, run_main
from tests.support.entries import manage_headers, new_alias
from tests.support.web import WebServer

AT_ONCE = 12
PROXY = {"MAIN_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8"}


def new_key() -> str:
    return str(uuid4())


def send(client: httpx.Client, path: str, body: dict[str, Any], key: str, **headers: str) -> httpx.Response:
    return client.post(f"/api/v1/{path}", json=body, headers={"Idempotency-Key": key, **headers})


@pytest.fixture(scope="module")
def proxied_web(environment: Environment) -> Iterator[WebServer]:
    """A web process that believes what we say of the client's address."""
    with WebServer(environment | PROXY) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "body"), [("links", {"original_url": "https://example.org/once"}), ("pastes", {"text": "once"})]
)
def test_same_request_again_answers_with_the_same_entry(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    key = new_key()

    first, second = send(client, path, body, key), send(client, path, body, key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    other = send(client, path, body, new_key())
    assert other.json()["key"] != first.json()["key"]


def test_again_means_as_the_entry_is_now(client: httpx.Client) -> None:
    key, body = new_key(), {"original_url": "https://example.org/before"}
    made = send(client, "links", body, key).json()
    client.patch(f"/api/v1/entries/{made['key']}", json={"title": "New"}, headers=manage_headers(made))
    assert send(client, "links", body, key).json()["title"] == "New"

    client.delete(f"/api/v1/entries/{made['key']}", headers=manage_headers(made))

    gone = send(client, "links", body, key)
    assert (gone.status_code, gone.json()["code"], gone.json()["reason"]) == (410, "ended", "deleted")


def test_another_body_under_the_same_key_is_a_409(store_client: httpx.Client) -> None:
    key = new_key()
    assert send(store_client, "pastes", {"text": "one"}, key).status_code == 201

    answer = send(store_client, "pastes", {"text": "two"}, key)

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    assert "two" not in answer.text


@pytest.mark.parametrize("path", ["links", "pastes"])
@pytest.mark.parametrize("alias", [None, "given"])
async def test_many_at_once_make_one_entry(
    web: WebServer, database: asyncpg.Connection, environment: Environment, path: str, alias: str | None
) -> None:
    title = f"once {uuid4()}"
    body: dict[str, Any] = {"title": title}
    body |= {"original_url": "https://example.org/"} if path == "links" else {"text": "x" * 5000}
    if alias:
        body["alias"] = new_alias()
    key = new_key()

    def create(_: int) -> httpx.Response:
        with web.new_client() as visitor:
            return send(visitor, path, body, key)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(create, range(AT_ONCE)))

    assert [answer.status_code for answer in answers] == [201] * AT_ONCE, [answer.text for answer in answers]
    assert len({answer.text for answer in answers}) == 1
    assert await database.fetchval("SELECT count(*) FROM entry WHERE title = $1", title) == 1
    assert web.client.get(f"/{answers[0].json()['key']}").status_code in (200, 302)


async def test_refused_request_is_not_remembered(client: httpx.Client) -> None:
    key, alias = new_key(), new_alias()
    taken = send(client, "links", {"original_url": "https://example.org/", "alias": alias}, new_key())
    assert taken.status_code == 201

    body = {"original_url": "https://example.org/mine", "alias": alias}
    assert send(client, "links", body, key).json()["code"] == "alias_taken"
    corrected = send(client, "links", body | {"alias": new_alias()}, key)

    assert corrected.status_code == 201


def test_scopes_do_not_collide(proxied_web: WebServer) -> None:
    """Another client, and another address of the API, may use the same key."""
    key = new_key()
    link, paste = {"original_url": "https://example.org/"}, {"text": "text"}
    clients = ["198.51.100.1", "198.51.100.2", "2001:db8:0:1::1", "2001:db8:0:2::1"]

    made = [send(proxied_web.client, "links", link, key, **{"X-Forwarded-For": address}) for address in clients]
    made.append(send(proxied_web.client, "pastes", paste, key, **{"X-Forwarded-For": clients[0]}))

    assert [answer.status_code for answer in made] == [201] * 5
    assert len({answer.json()["key"] for answer in made}) == 5
    again = send(proxied_web.client, "links", link, key, **{"X-Forwarded-For": "2001:db8:0:1:ffff::9"})
    assert again.json() == made[2].json(), "the same /64 is the same client"
    for spelling in ("::ffff:198.51.100.1", "198.51.100.1:51234", "[::ffff:198.51.100.1]:51234"):
        same = send(proxied_web.client, "links", link, key, **{"X-Forwarded-For": spelling})
        assert same.json() == made[0].json()


def test_client_cannot_choose_its_scope(client: httpx.Client, proxied_web: WebServer) -> None:
    """What a client writes itself into X-Forwarded-For stands before what the trusted proxies have heard."""
    key, body = new_key(), {"original_url": "https://example.org/"}
    victim = send(proxied_web.client, "links", body, key, **{"X-Forwarded-For": "203.0.113.7"}).json()

    forged = send(proxied_web.client, "links", body, key, **{"X-Forwarded-For": "203.0.113.7, 203.0.113.8, 10.1.2.3"})
    assert forged.json()["key"] != victim["key"]
    untrusted = send(client, "links", body, key, **{"X-Forwarded-For": "203.0.113.7"})
    assert untrusted.json()["key"] != victim["key"]
    through_two = send(proxied_web.client, "links", body, key, **{"X-Forwarded-For": "203.0.113.7, 10.1.2.3"})
    assert through_two.json()["key"] == victim["key"]


@pytest.mark.parametrize("key", ["", "a" * 256, "with space", "ümlaut"])
def test_malformed_key_is_refused(client: httpx.Client, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1"), "Content-Type": "application/json"}
    answer = client.post("/api/v1/links", content=json.dumps({"original_url": "https://example.org/"}), headers=headers)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]


def test_two_keys_in_one_request_are_refused(client: httpx.Client) -> None:
    headers = [("Idempotency-Key", new_key()), ("Idempotency-Key", new_key())]

    answer = client.post("/api/v1/links", json={"original_url": "https://example.org/"}, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "header_twice")


async def test_key_is_free_again_after_a_day_and_purged_by_the_daily_task(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    keys = [new_key(), new_key(), new_key()]
    bodies = [{"original_url": f"https://example.org/{key}"} for key in keys]
    made = [send(client, "links", body, key).json() for body, key in zip(bodies, keys, strict=True)]
    age = "UPDATE idempotency_key SET created_at = now() - $2::text::interval WHERE key = $1"
    await database.execute(age, keys[0], "24 hours 1 second")
    await database.execute(age, keys[1], "24 hours 1 second")
    await database.execute(age, keys[2], "23 hours 59 minutes")

    renewed = send(client, "links", bodies[0] | {"title": "another body"}, keys[0])
    assert renewed.status_code == 201
    assert renewed.json()["key"] != made[0]["key"]
    assert send(client, "links", bodies[0] | {"title": "another body"}, keys[0]).json() == renewed.json()

    run_main("cleanup", environment=environment)

    rows = await database.fetch("SELECT key FROM idempotency_key WHERE key = ANY($1)", keys)
    assert {row["key"] for row in rows} == {keys[0], keys[2]}
    assert send(client, "links", bodies[2], keys[2]).json()["key"] == made[2]["key"]


async def test_text_of_a_sending_that_came_second_is_not_left_behind(
    environment: Environment, web: WebServer, database: asyncpg.Connection
) -> None:
    """The second sending has stored its text when it learns that the first one was faster."""
    folder = Path(unquote(urlsplit(environment["MAIN_BODY_STORE_URL"]).path))
    key, body = new_key(), {"text": f"only once {uuid4()}"}
    # Other tests leave texts behind on purpose.
    before = {file.name for file in folder.glob("*/*")}

    def create(_: int) -> httpx.Response:
        with web.new_client() as visitor:
            return send(visitor, "pastes", body, key)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        keys = {answer.json()["key"] for answer in pool.map(create, range(AT_ONCE))}

    stored = {file.name for file in folder.glob("*/*")} - before
    named = {str(row["body_id"]) for row in await database.fetch("SELECT body_id FROM entry WHERE body_id IS NOT NULL")}
    named |= {str(row["body_id"]) for row in await database.fetch("SELECT body_id FROM body_to_delete")}
    assert len(keys) == 1
    assert stored <= named
