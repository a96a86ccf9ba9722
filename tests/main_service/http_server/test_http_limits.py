"""Requests that are too large, ambiguous or no HTTP are refused at once, and what is no fault still works."""

import json

import httpx
import pytest

from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.raw_http import Answer, LoggedWebServer, connect, exchange, parse, read_answer, read_to_end
from tests.support.web import WebServer

HEAD_BYTES = 32 * 1024
GET = b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\n"
LAST_GET = GET + b"Connection: close\r\n\r\n"
POST = b"POST /api/v1/links HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SECRET = b"Zz-input-zZ"


def assert_is_refusal(web: WebServer, answer: Answer, status: int, code: str) -> None:
    """The shape and the headers that every refusal of the app has, where scripts of other sites may read it."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = json.loads(answer.body)
    assert (problem["type"], problem["status"], problem["code"]) == ("about:blank", status, code)
    [ordinary] = exchange(web, b"GET /api/v1/unknown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert set(problem) == set(json.loads(ordinary.body))
    varying = {"date", "content-length", "x-request-id"}
    assert {name: value for name, value in answer.headers.items() if name not in varying} == {
        name: value for name, value in ordinary.headers.items() if name not in varying
    }
    assert "date" in answer.headers
    assert SECRET not in answer.body


def padded(head: bytes, size_bytes: int) -> bytes:
    """`head` with one more header and its end, `size_bytes` in all."""
    head += b"X-Pad: "
    return head + b"a" * (size_bytes - len(head) - 4) + b"\r\n\r\n"


def test_answer_is_whole_whatever_body_its_request_announces(environment: Environment) -> None:
    """What streams listens on while it answers; a body that is too large must not break it there."""
    with LoggedWebServer(environment) as web:
        key = create_paste(web.client, text="a line\n" * 300_000)["key"]
        for address in ("/static/style/base.css", f"/{key}/raw", f"/{key}"):
            whole = web.client.get(address).content
            for length, body in ((9_999_999_999, b""), (200_000, b"a" * 200_000)):
                request = f"GET {address} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nContent-Length: {length}\r\n\r\n"
                with connect(web) as connection:
                    connection.sendall(request.encode())
                    connection.sendall(body)
                    answer = read_answer(connection)
                assert (answer.status, answer.body) == (200, whole)
        assert "Traceback" not in web.log()


@pytest.mark.parametrize("is_split", [False, True])
def test_head_of_32_kib_is_accepted_and_one_byte_more_is_431(web: WebServer, is_split: bool) -> None:
    for size, status in ((HEAD_BYTES, 200), (HEAD_BYTES + 1, 431)):
        head = padded(GET + b"Connection: close\r\n", size)
        parts = [head[start : start + 5000] for start in range(0, size, 5000)] if is_split else [head]

        [answer] = exchange(web, *parts)

        assert answer.status == status
    assert_is_refusal(web, answer, 431, "headers_too_large")


@pytest.mark.parametrize(
    "request_",
    [
        GET + b"X: " + SECRET * 1_000_000,
        GET + b"X: a\r\n" * 20_000,
        GET + SECRET * 10_000,
        b"GET /" + SECRET * 10_000,
        b"\r\n" * 20_000,
        CHUNKED + b"1\r\na\r\n0\r\nX: " + SECRET * 10_000,
        CHUNKED + b"1\r\na\r\n0\r\n" + b"X: a\r\n" * 20_000,
        CHUNKED + b"1;" + SECRET * 10_000,
    ],
    ids=["value", "headers", "name", "address", "empty lines", "trailer", "trailers", "chunk extension"],
)
def test_whatever_grows_without_being_a_body_is_431(web: WebServer, request_: bytes) -> None:
    [answer] = exchange(web, request_)

    assert_is_refusal(web, answer, 431, "headers_too_large")


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/unknown", "/never1A", "/never1A/raw"])
def test_query_of_more_than_1000_fields_is_refused(web: WebServer, path: str) -> None:
    head = "GET %s?%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    [most], [more] = (exchange(web, (head % (path, "&".join(["a"] * number))).encode()) for number in (1_000, 1_001))

    assert most.status in (200, 404)
    assert_is_refusal(web, more, 400, "too_many_query_fields")


def test_pipelined_head_is_measured_too(web: WebServer) -> None:
    fine = padded(GET, HEAD_BYTES)
    answers = exchange(web, GET + b"\r\n" + fine + fine + padded(GET, HEAD_BYTES + 8000) + LAST_GET)

    assert [answer.status for answer in answers] == [200, 200, 200, 431]


@pytest.mark.parametrize(
    "request_",
    [
        b"BREW / HTTP/1.1\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        SECRET + b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.2\r\n\r\n",
        b"GET /" + SECRET + b" b HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /unknown-key HTTP/1.1\r\nAccept: */*\r\n\r\n",
        GET + b"Host: x\r\n\r\n",
        GET + b"host: y\r\n\r\n",
        GET.replace(b"1.1", b"1.0") + b"Host: x\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b"X\x00: a\r\n\r\n",
        GET + b": a\r\n\r\n",
        GET + b"X : a\r\n\r\n",
        GET + b"X: a\r\n " + SECRET + b"\r\n\r\n",
        GET + b"X: a\n\r\n",
        GET.replace(b"\r\n", b"\n") + b"\n",
        GET + b"X: a\rY: b\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n{}  ",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length: -2\r\n\r\n{}",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\n",
        CHUNKED + SECRET,
        CHUNKED + b"-1\r\n",
        CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\n{}\n0\n\n",
        CHUNKED + b"2\r\n{}x",
        POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n" + SECRET,
    ],
)
def test_what_is_no_clear_request_is_400_and_ends_the_connection(web: WebServer, request_: bytes) -> None:
    [answer] = exchange(web, request_ + LAST_GET)

    assert_is_refusal(web, answer, 400, "bad_request")


def test_http_1_0_needs_no_host(web: WebServer) -> None:
    [answer] = exchange(web, b"GET /static/favicon.svg HTTP/1.0\r\n\r\n")

    assert answer.status == 200


def test_link_is_not_followed_without_a_host(web: WebServer, client: httpx.Client) -> None:
    """The fast path refuses what FastAPI would."""
    key = create_link(client)["key"]
    assert client.get(f"/{key}").status_code == 302

    [answer] = exchange(web, f"GET /{key} HTTP/1.1\r\n\r\n".encode() + LAST_GET)

    assert_is_refusal(web, answer, 400, "bad_request")


def test_wrong_encoding_is_refused_before_anything_is_done(web: WebServer, client: httpx.Client) -> None:
    link = create_link(client)
    token = manage_headers(link)["X-Manage-Token"]
    head = f"DELETE /api/v1/entries/{link['key']} HTTP/1.1\r\nHost: x\r\nX-Manage-Token: {token}\r\n"

    [answer] = exchange(web, head.encode() + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")

    assert answer.status == 400
    assert client.get(f"/{link['key']}").status_code == 302


def test_trailer_is_no_header(web: WebServer, client: httpx.Client) -> None:
    link = create_link(client)
    head = f"PATCH /api/v1/entries/{link['key']} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
    body = b"2\r\n{}\r\n0\r\nX-Manage-Token: " + link["manage_token"].encode() + b"\r\n\r\n"

    [answer] = exchange(web, head.encode() + body)

    assert (answer.status, json.loads(answer.body)["code"]) == (401, "manage_token_missing")


def test_garbage_behind_requests_is_answered_after_them(web: WebServer) -> None:
    unknown = b"GET /api/v1/unknown HTTP/1.1\r\nHost: x\r\n\r\n"

    answers = exchange(web, GET + b"\r\n" + unknown + GET + b"\r\n" + SECRET)

    assert [answer.status for answer in answers] == [200, 404, 200, 400]


@pytest.mark.parametrize(
    ("head", "piece", "status"),
    [
        (GET, b"X: " + b"a" * 100_000 + b"\r\n", 431),
        (POST + b"Connection: close\r\nContent-Length: 5000000\r\n\r\n", b"a" * 100_000, 413),
    ],
)
def test_client_that_goes_on_sending_is_not_reset_before_it_reads(
    web: WebServer, head: bytes, piece: bytes, status: int
) -> None:
    """Where a reset arrives, many systems throw away the answer."""
    for _ in range(5):
        with connect(web) as connection:
            connection.sendall(head)
            for _ in range(50):
                connection.sendall(piece)
            assert read_answer(connection).status == status
            assert connection.recv(1) == b""


def test_connection_goes_on_after_a_body_that_was_not_read(web: WebServer) -> None:
    body = b"a" * 1_000_000
    with connect(web) as connection:
        connection.sendall(b"POST /api/v1/unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert read_answer(connection).status == 404
        connection.sendall(body + GET + b"\r\n")
        assert read_answer(connection).status == 200


def test_client_that_expects_100_continue_is_told_to(web: WebServer) -> None:
    body = b'{"original_url": "https://example.org/"}'
    with connect(web) as connection:
        connection.sendall(
            POST + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        [answer] = parse(read_to_end(connection))
    assert answer.status == 201


def test_offer_of_another_protocol_is_passed_over(web: WebServer) -> None:
    [answer] = exchange(web, GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")

    assert (answer.status, answer.headers["connection"]) == (200, "close")
