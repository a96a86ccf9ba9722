"""Files on their way to an import: sent again, several at once, and more than there is room for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from main_service.web.bodies.limits import BodyLimitsMiddleware
from tests.support.accounts import User, new_user
from tests.support.raw_http import connect
from tests.support.waiting import eventually
from tests.support.web import WebServer

IMPORTS = "/api/v1/imports"
MIB = 1024 * 1024


def send(client: httpx.Client, user: User, key: str | None, content: bytes = b"a,b\n", **fields: str) -> httpx.Response:
    return client.post(
        IMPORTS,
        data={"format": "yourls-csv", **fields},
        files={"file": ("export", content)},
        headers=user.headers | ({} if key is None else {"Idempotency-Key": key}),
    )


def stop_all(client: httpx.Client, user: User) -> int:
    """Stop all imports; return how many there were."""
    jobs = client.get(IMPORTS, headers=user.headers).json()["items"]
    for job in jobs:
        client.post(f"{IMPORTS}/{job['id']}/stop", headers=user.headers)
    return len(jobs)


def test_import_that_is_sent_again_is_the_same_even_beyond_the_limit(import_client: httpx.Client) -> None:
    user = new_user(import_client)
    first = send(import_client, user, "one")
    others = [send(import_client, user, None).status_code for _ in range(3)]

    again = send(import_client, user, "one")
    of_another = send(import_client, new_user(import_client), "one")

    assert others == [202, 202, 429]
    assert (again.status_code, again.json(), again.headers["location"]) == (
        202,
        first.json(),
        first.headers["location"],
    )
    assert (of_another.status_code, of_another.json()["id"] != first.json()["id"]) == (202, True)
    assert stop_all(import_client, user) == 3


@pytest.mark.parametrize("change", [{"content": b"a,c\n"}, {"dry_run": "true"}, {"format": "kutt-csv"}])
def test_key_of_another_import_is_refused(import_client: httpx.Client, change: Any) -> None:
    user = new_user(import_client)
    send(import_client, user, "one")

    refused = send(import_client, user, "one", **change)

    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
    assert stop_all(import_client, user) == 1


def test_import_that_is_sent_twice_at_once_is_one(import_client: httpx.Client) -> None:
    user = new_user(import_client)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: send(import_client, user, "one"), range(2)))

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert stop_all(import_client, user) == 1


def test_two_files_of_a_user_arrive_at_once_and_no_third(import_web: WebServer, import_client: httpx.Client) -> None:
    user, other = new_user(import_client), new_user(import_client)
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    head = "".join(f"{name}: {value}\r\n" for name, value in (user.headers | form).items())

    def of_third(user: User) -> tuple[int, str]:
        answer = import_client.post(IMPORTS, content=b"x", headers=user.headers | form)
        return answer.status_code, answer.json()["code"]

    with ExitStack() as stack:
        for _ in range(2):
            sending = stack.enter_context(connect(import_web))
            sending.sendall(f"POST {IMPORTS} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 1000\r\n\r\n--b\r\n".encode())
        eventually(lambda: of_third(user) == (429, "too_many_uploads"), "both are arriving")
        assert of_third(other) == (422, "invalid_input")
    eventually(lambda: of_third(user) == (422, "invalid_input"), "both were given up")


async def test_files_on_disk_and_bodies_in_memory_have_budgets_of_their_own() -> None:
    arrived = asyncio.Event()
    go_on = asyncio.Event()
    statuses: list[int] = []

    async def read(scope: Scope, receive: Receive, _: Send) -> None:
        try:
            while (await receive())["more_body"]:
                continue
            statuses.append(200)
        except HTTPException as error:
            statuses.append(error.status_code)
            arrived.set()

    app = BodyLimitsMiddleware(
        read, limit=lambda *_: 10 * MIB, client_of=lambda _: None, budget_bytes=MIB, disk_budget_bytes=4 * MIB
    )

    async def request(path: str, size_bytes: int, *, waits: bool = False) -> None:
        async def receive() -> Message:
            nonlocal size_bytes
            if size_bytes:
                size_bytes -= MIB
                return {"type": "http.request", "body": bytes(MIB), "more_body": True}
            arrived.set()
            if waits:
                await go_on.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_: Message) -> None:
            raise AssertionError

        await app({"type": "http", "method": "POST", "path": path, "headers": []}, receive, send)

    held = asyncio.create_task(request(IMPORTS, 3 * MIB, waits=True))
    await arrived.wait()
    await request(IMPORTS, 2 * MIB)
    await request("/settings/import", MIB)
    await request("/api/v1/pastes", MIB)
    assert statuses == [503, 200, 200]
    go_on.set()
    await held
    await request(IMPORTS, 4 * MIB)
    assert statuses[3:] == [200, 200]
