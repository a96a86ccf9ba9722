"""How large a body may be, alone and together with all others that a process holds."""

import threading
from contextlib import ExitStack
from typing import Any

import httpx
import psutil
import pytest

from tests.support.raw_http import POST_PASTE, connect
from tests.support.waiting import eventually
from tests.support.web import WebServer

MEBIBYTE = 1024 * 1024
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("address", "size"),
    [
        ("/api/v1/links", 129 * 1024),
        ("/api/v1/pastes", 61 * MEBIBYTE),
        ("/pastes", 21 * MEBIBYTE),
        ("/links", 129 * 1024),
    ],
)
def test_request_that_announces_too_much_is_a_413_as_json_and_as_page(
    client: httpx.Client, address: str, size: int
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x" if address.count("/") == 1 else "application/json"}

    problem = client.post(address, content=b"a" * size, headers=headers)
    assert (problem.status_code, problem.json()["code"]) == (413, "body_too_large")
    if not address.startswith("/api/"):
        page = client.post(address, content=b"a" * size, headers=headers | {"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
        assert "Split the text" in page.text


def test_too_large_a_request_is_a_413_while_it_streams(web: WebServer, client: httpx.Client) -> None:
    """What is still being sent is thrown away, so the client can read the answer and memory stays flat."""
    [process] = web.processes
    before = psutil.Process(process.pid).memory_info().rss

    def long() -> Any:
        yield b'{"original_url": "https://example.org/'
        for _ in range(200):
            yield b"a" * MEBIBYTE

    response = client.post("/api/v1/links", content=long(), headers=JSON)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert psutil.Process(process.pid).memory_info().rss - before < 50 * MEBIBYTE


def test_large_body_of_nested_lists_is_refused_before_it_is_parsed(client: httpx.Client) -> None:
    body = b'{"text": "a", "title": [' + b"[]," * 5_000_000 + b"[]]}"

    response = client.post("/api/v1/pastes", content=body, headers=JSON)

    assert response.status_code == 422
    assert response.json()["errors"][0]["message"] == (
        "The body isn't a flat JSON object, or has too much white space."
    )


def test_one_client_holds_half_of_what_all_may_hold(web: WebServer, client: httpx.Client) -> None:
    """Uploads that are fast at first and then as slow as may be, of one client, keep no other from sending."""
    begun = b'{"text": "' + b"a" * (60 * MEBIBYTE)
    head = POST_PASTE + b"Content-Length: %d\r\n\r\n" % (len(begun) + 2)
    third = b'{"text": "' + b"a" * (12 * MEBIBYTE) + b'"}'

    def send_third(client: httpx.Client) -> int:
        return client.post("/api/v1/pastes", content=third, headers=JSON).status_code

    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=client.base_url, transport=transport, timeout=60) as same:
        with ExitStack() as stack:
            for _ in range(2):
                sending = stack.enter_context(connect(web, "127.0.0.2"))
                sending.sendall(head + begun)
            eventually(lambda: send_third(same) == 503, "a client has its share")
            # Taken, and then found to have too long a text.
            assert send_third(client) == 413
        eventually(lambda: send_third(same) == 413, "the share is free again")


def test_bodies_of_all_requests_together_are_bounded(client: httpx.Client) -> None:
    """Requests that are held open with large bodies: the budget is reached, answered 503, and free again after."""
    release = threading.Event()

    def held() -> Any:
        yield b'{"text": "' + b"a" * 1024
        for _ in range(55):
            yield b"a" * MEBIBYTE
        # A body may never pause for long.
        while not release.wait(2):
            yield b"a"
        yield b'"}'

    statuses: list[int] = []

    def send() -> None:
        with httpx.Client(base_url=client.base_url, timeout=60, trust_env=False) as own:
            try:
                statuses.append(own.post("/api/v1/pastes", content=held(), headers=JSON).status_code)
            except httpx.TransportError:
                statuses.append(503)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    while 503 not in statuses:
        release.wait(0.05)
    release.set()
    for thread in threads:
        thread.join()
    assert 413 in statuses
    assert client.post("/api/v1/pastes", json={"text": "a" * 5_000_000}).status_code == 201
