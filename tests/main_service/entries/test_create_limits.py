"""What a client may create is limited: guests by address, users by account, in entries and in bytes of text."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis

from main_service.entries.create_limits import USER_FACTOR
from tests.support.accounts import bearer, new_user
from tests.support.engines import NO_LIMITS, Environment
from tests.support.entries import manage_headers, new_alias
from tests.support.pages import send_form, visible_text
from tests.support.web import WebServer

MOST = 3
LARGEST_TEXT = 10_000
LIMITS = {
    **NO_LIMITS,
    "MAIN_TRUSTED_PROXIES": "127.0.0.1",
    "MAIN_MAX_TEXT_BYTES": str(LARGEST_TEXT),
    "MAIN_LIMIT_CREATES": f"1000/minute;{MOST}/day",
    "MAIN_LIMIT_BYTES": f"{2 * LARGEST_TEXT}B/day",
}


@pytest.fixture(scope="module")
def create_limited(environment: Environment) -> Iterator[WebServer]:
    """A web process with a low limit that believes what `X-Forwarded-For` says."""
    with WebServer(environment | LIMITS) as server:
        yield server


@pytest.fixture
def guest(create_limited: WebServer) -> Iterator[httpx.Client]:
    """A guest whose address no other test uses."""
    with create_limited.new_client() as client:
        client.headers["X-Forwarded-For"] = new_address()
        yield client


def new_network() -> str:
    digits = uuid4().hex
    return f"2001:db8:{digits[:4]}:{digits[4:8]}"


def new_address() -> str:
    return f"{new_network()}::1"


def link(client: httpx.Client, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return client.post("/api/v1/links", json={"original_url": "https://example.org/", **fields}, headers=headers)


def paste(client: httpx.Client, text: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return client.post("/api/v1/pastes", json={"text": text}, headers=headers)


def left(answer: httpx.Response, policy: str) -> int:
    match = re.search(rf'"{policy}";r=(\d+);t=\d+', answer.headers["ratelimit"])
    assert match, answer.headers["ratelimit"]
    return int(match[1])


def test_guest_may_create_so_many_of_both_kinds_by_both_ways_and_is_then_told_when_to_come_back(
    create_limited: WebServer,
) -> None:
    network = new_network()
    with create_limited.new_client() as guest:
        guest.headers["X-Forwarded-For"] = f"{network}::1"
        made = [link(guest), paste(guest, "text"), send_form(guest, "/", "/pastes", text="by a form")]
        refused = [link(guest), paste(guest, "text")]
        page = send_form(guest, "/", "/pastes", text="typed for an hour")

    assert [answer.status_code for answer in made] == [201, 201, 303]
    for answer in refused:
        assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
        assert answer.json()["code"] == "too_much_created"
    for answer in (*refused, page):
        assert 0 < int(answer.headers["retry-after"]) <= 86_400 // MOST
        assert left(answer, "creates-day") == 0
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert "Try again in 8 hours" in visible_text(page)
    assert "typed for an hour</textarea>" in page.text
    neighbours = {network: 429, new_network(): 201}
    for each, status in neighbours.items():
        assert link(create_limited.client, headers={"X-Forwarded-For": f"{each}:1:2:3:4"}).status_code == status


def test_headers_name_the_limits_and_what_is_left(guest: httpx.Client) -> None:
    first, second = link(guest), paste(guest, "x" * 100)

    creates = f'"creates-minute";q=1000;w=60, "creates-day";q={MOST};w=86400'
    sizes = f'"bytes-day";q={2 * LARGEST_TEXT};qu="content-bytes";w=86400'
    assert first.headers["ratelimit-policy"] == creates
    assert second.headers["ratelimit-policy"] == f"{creates}, {sizes}"
    assert (left(first, "creates-minute"), left(first, "creates-day")) == (999, MOST - 1)
    assert (left(second, "creates-day"), left(second, "bytes-day")) == (MOST - 2, 2 * LARGEST_TEXT - 100)


def test_user_may_create_ten_times_as_much_whatever_token_or_address_it_comes_from(guest: httpx.Client) -> None:
    user = new_user(guest)
    token = guest.post("/api/v1/tokens", json={"name": "script"}, headers=user.headers).json()["token"]
    ways = [user.headers, bearer(token)]

    answers = [
        link(guest, headers={**ways[number % 2], "X-Forwarded-For": new_address()})
        for number in range(USER_FACTOR * MOST + 1)
    ]

    assert [answer.status_code for answer in answers] == [201] * USER_FACTOR * MOST + [429]
    assert link(guest).status_code == 201, "as a guest the client has created nothing"


def test_texts_cost_bytes_when_they_are_created_and_when_they_are_changed(guest: httpx.Client) -> None:
    entry = paste(guest, "x" * LARGEST_TEXT).json()
    address = f"/api/v1/entries/{entry['key']}"

    changed = guest.patch(address, json={"text": "y" * (LARGEST_TEXT - 10)}, headers=manage_headers(entry))
    refused = guest.patch(address, json={"text": "z" * 100}, headers=manage_headers(entry))

    assert (changed.status_code, refused.status_code) == (200, 429)
    assert refused.json()["code"] == "too_much_created"
    assert left(refused, "bytes-day") == 10
    assert guest.get(f"/{entry['key']}/raw").text == "y" * (LARGEST_TEXT - 10)
    assert left(refused, "creates-day") == MOST - 2
    assert guest.patch(address, json={"title": "a title"}, headers=manage_headers(entry)).status_code == 200
    assert send_form(guest, "/", "/pastes", text="z" * 100).status_code == 429
    assert paste(guest, "z" * 10).status_code == 201, "what was refused was not counted"


@pytest.mark.parametrize("is_form", [False, True], ids=["API", "form"])
def test_changed_target_costs_its_bytes_and_counts_as_an_entry(guest: httpx.Client, is_form: bool) -> None:
    entry = link(guest).json()
    manage, target = f"/{entry['key']}/manage", "https://example.org/ü?"
    targets = [target.ljust(size - 1, "x") for size in (1_000, 8_000, 10)]
    if is_form:
        send_form(guest, manage, manage, token=entry["manage_token"])

    def change(original_url: str) -> httpx.Response:
        if is_form:
            return send_form(guest, f"{manage}/edit", f"{manage}/edit", original_url=original_url)
        address = f"/api/v1/entries/{entry['key']}"
        return guest.patch(address, json={"original_url": original_url}, headers=manage_headers(entry))

    changed, refused = [change(each) for each in targets[:2]], change(targets[2])

    assert [answer.status_code for answer in (*changed, refused)] == [303 if is_form else 200] * 2 + [429]
    assert guest.get(f"/api/v1/entries/{entry['key']}").json()["original_url"] == targets[1]
    assert (left(refused, "creates-day"), left(refused, "bytes-day")) == (0, 2 * LARGEST_TEXT - 9_000)
    assert link(guest).status_code == 429


def test_target_is_changed_no_further_than_bytes_allow(guest: httpx.Client) -> None:
    entry = link(guest, headers={"X-Forwarded-For": new_address()}).json()
    address = f"/api/v1/entries/{entry['key']}"
    assert [paste(guest, "x" * size).status_code for size in (LARGEST_TEXT, LARGEST_TEXT - 100)] == [201, 201]

    refused, taken = [
        guest.patch(
            address, json={"original_url": "https://example.org/".ljust(size, "x")}, headers=manage_headers(entry)
        )
        for size in (101, 100)
    ]

    assert (refused.status_code, refused.json()["code"], taken.status_code) == (429, "too_much_created", 200)
    assert (left(refused, "creates-day"), left(refused, "bytes-day")) == (1, 100)


def test_what_is_refused_for_another_reason_costs_nothing(guest: httpx.Client) -> None:
    for _ in range(2 * MOST):
        assert link(guest, alias="api").status_code == 422
        assert paste(guest, "").status_code == 422
        assert link(guest, headers={"Authorization": "Bearer wrong"}).status_code == 401

    assert left(link(guest), "creates-day") == MOST - 1


def test_change_of_a_former_version_costs_nothing(guest: httpx.Client) -> None:
    entry = link(guest).json()
    address = f"/api/v1/entries/{entry['key']}"
    former = manage_headers(entry) | {"If-Match": guest.get(address).headers["etag"]}
    guest.patch(address, json={"title": "a title"}, headers=manage_headers(entry)).raise_for_status()

    change = {"original_url": "https://example.org/new"}
    answers = [guest.patch(address, json=change, headers=former) for _ in range(MOST)]

    assert [answer.status_code for answer in answers] == [412] * MOST
    assert left(link(guest), "creates-day") == MOST - 2


def test_request_that_is_sent_again_gets_its_answer_beyond_the_limit(guest: httpx.Client) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    alias = new_alias()
    first = link(guest, headers=key, alias=alias)
    while link(guest).status_code == 201:
        pass

    again = [link(guest, headers=key, alias=alias) for _ in range(MOST)]

    assert {(answer.status_code, answer.json()["key"]) for answer in (first, *again)} == {(201, alias)}


def test_all_counters_of_a_create_are_one_question_to_redis(
    guest: httpx.Client, client: httpx.Client, valkey: redis.Redis
) -> None:
    def scripts() -> int:
        return int(valkey.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    def scripts_of(visitor: httpx.Client) -> int:
        assert paste(visitor, "loads the scripts").status_code == 201
        before = scripts()
        assert paste(visitor, "text").status_code == 201
        return scripts() - before

    assert scripts_of(guest) == scripts_of(client) + 1


def test_without_limits_nothing_is_said_of_them(client: httpx.Client) -> None:
    assert not [name for name in link(client).headers if name.startswith("ratelimit")]


def test_half_of_the_limit_holds_in_each_process_while_redis_is_away(environment: Environment) -> None:
    away = {"MAIN_REDIS_URL": "redis://127.0.0.1:1/0", "MAIN_LIMIT_CREATES": "4/day"}
    with WebServer(environment | away) as server:
        assert [link(server.client).status_code for _ in range(4)] == [201, 201, 429, 429]
