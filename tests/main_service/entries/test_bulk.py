"""Many entries at once: JSON Lines in, JSON Lines out, each line by itself."""

import asyncio
import json
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import Request
from starlette.types import Message

from main_service.entries.routes.bulk import _windows
from tests.support.accounts import api_token_headers, new_user
from tests.support.engines import Environment
from tests.support.entries import manage_headers, new_alias
from tests.support.raw_http import connect, read_answer
from tests.support.web import WebServer

PATH = "/api/v1/entries/bulk"


def lines_of(*objects: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


def send(client: httpx.Client, body: Any, **headers: str) -> list[dict[str, Any]]:
    answer = client.post(PATH, content=body, headers={"Content-Type": "application/jsonl", **headers})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(scope="module")
def limited_web(environment: Environment) -> Iterator[WebServer]:
    limits = {"MAIN_LIMIT_CREATES": "3/hour", "MAIN_MAX_TEXT_BYTES": "1000", "MAIN_LIMIT_BYTES": "1MiB/hour"}
    with WebServer(environment | limits) as server:
        yield server


def test_line_with_hundreds_of_faults_is_told_the_first(client: httpx.Client) -> None:
    [answer] = send(client, lines_of({f"unknown{number}": "" for number in range(500)}))

    assert (answer["status"], len(answer["problem"]["errors"])) == (422, 20)


async def test_others_have_a_turn_after_each_line() -> None:
    body, turns = lines_of(*[{"unknown": ""}] * 100), 0

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    asked = [len(window) async for window in _windows(request, max_text_bytes=1000)]
    counting.cancel()

    assert sum(asked) == 100
    assert turns >= 100


def test_each_line_is_answered_in_its_order_as_if_it_came_alone(client: httpx.Client) -> None:
    alias = new_alias()
    body = lines_of(
        {"text": "a paste\r\n", "title": "One", "syntax": "python"},
        {"url": "https://example.org/two", "alias": alias},
        {"original_url": "https://example.org/three", "alias": alias},
        {"text": "both", "url": "https://example.org/"},
        {"original_url": "javascript:alert(1)"},
        {"text": "five", "views": 0},
        ["no object"],
    )
    body += b'{"text": "twice", "text": "named"}\n\xff\xfe\n\n{"text": "without a line end"}'

    answers = send(client, body)

    assert [each["line"] for each in answers] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert [each["status"] for each in answers] == [201, 201, 409, 422, 422, 422, 422, 422, 422, 201]
    paste, link = answers[0]["entry"], answers[1]["entry"]
    assert client.get(f"/{paste['key']}/raw").content == b"a paste\r\n"
    assert (paste["title"], paste["syntax"], link["key"]) == ("One", "python", alias)
    assert answers[2]["problem"]["code"] == "alias_taken"
    assert answers[3]["problem"]["errors"][0]["field"] == "url"
    assert answers[4]["problem"]["errors"][0]["code"] == "url_invalid"
    # The manage token is each one's own.
    assert client.delete(f"/api/v1/entries/{alias}", headers=manage_headers(link)).status_code == 204
    assert client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(link)).status_code == 403


def test_users_own_what_they_create(client: httpx.Client) -> None:
    user = new_user(client)

    (answer,) = send(client, lines_of({"text": "mine", "visibility": "private", "expires_in": "never"}), **user.headers)

    assert (answer["entry"]["manage_token"], answer["entry"]["visibility"]) == (None, "private")
    assert client.get("/api/v1/entries", headers=user.headers).json()["items"][0]["key"] == answer["entry"]["key"]


def test_a_thousand_lines_are_taken_and_the_next_is_not_read(client: httpx.Client) -> None:
    number = uuid4().hex
    body = lines_of(*({"url": f"https://example.org/{number}/{n}"} for n in range(1_002)))

    answers = send(client, body)

    assert len(answers) == 1_001
    assert {each["status"] for each in answers[:1_000]} == {201}
    assert [each["entry"]["original_url"].rpartition("/")[2] for each in answers[:1_000]] == [*map(str, range(1_000))]
    assert (answers[-1]["status"], answers[-1]["problem"]["code"]) == (413, "too_many_lines")


def test_sent_again_with_its_idempotency_key_it_creates_nothing_twice(client: httpx.Client) -> None:
    key = uuid4().hex
    body = lines_of({"text": "first"}, {"url": "https://example.org/"}, {"text": ""})

    first = send(client, body, **{"Idempotency-Key": key})
    again = send(client, body, **{"Idempotency-Key": key})
    changed = send(client, lines_of({"text": "other"}, {"url": "https://example.org/"}), **{"Idempotency-Key": key})

    assert [each["status"] for each in first] == [201, 201, 422]
    assert again == first
    assert [each["status"] for each in changed] == [409, 201]
    assert changed[1]["entry"]["key"] == first[1]["entry"]["key"]


def test_each_line_counts_against_the_limits(limited_web: WebServer) -> None:
    with limited_web.new_client() as client:
        answers = send(client, lines_of(*({"text": "a"} for _ in range(5))))

    assert sorted(each["status"] for each in answers) == [201, 201, 201, 429, 429]
    assert all(each["retry_after"] > 0 for each in answers if each["status"] == 429)


def test_a_line_too_long_is_passed_over_and_those_behind_it_are_read(limited_web: WebServer) -> None:
    with limited_web.new_client() as client:
        user = new_user(client)
        body = b'{"text": "' + b"x" * 200_000 + b'"}\n' + lines_of({"text": "behind"})

        answers = send(client, iter([body[:100_000], body[100_000:]]), **user.headers)

    assert [(each["line"], each["status"]) for each in answers] == [(1, 413), (2, 201)]
    assert answers[0]["problem"]["code"] == "line_too_long"


def test_body_too_large_is_refused_from_where_it_is(client: httpx.Client) -> None:
    blank = b" " * 1024 * 1024

    first, last = send(client, chain([lines_of({"text": "first"})], repeat(blank + b"\n", 64)))

    assert (first["status"], last["status"], last["problem"]["code"]) == (201, 413, "body_too_large")


def test_body_that_is_announced_too_large_creates_nothing(web: WebServer) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {65 * 1024 * 1024}\r\n\r\n".encode()

    with connect(web) as connection:
        connection.sendall(head + lines_of({"text": "first"}))
        answer = read_answer(connection)

    assert (answer.status, b"body_too_large" in answer.body) == (413, True)


def test_token_that_may_only_read_creates_nothing(client: httpx.Client) -> None:
    headers = api_token_headers(client, new_user(client), "read")

    answer = client.post(PATH, content=lines_of({"text": "a"}), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_empty_lines_are_not_read_without_end(client: httpx.Client) -> None:
    last = lines_of({"text": "behind"})

    few = send(client, b"\n" * 1_000 + last)
    (many,) = send(client, b"\n" * 100_000 + last)

    assert [(each["line"], each["status"]) for each in few] == [(1_001, 201)]
    assert (many["line"], many["status"]) == (100_001, 413)
    assert many["problem"]["detail"] == "There are too many lines. The rest was not read."
