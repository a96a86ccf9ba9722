"""Bodies made to cost much: each is refused or handled in no time, and the process goes on serving others.

The limits are of processor time, so that a busy machine fails none, at more than ten times what was measured.
"""

import socket

import httpx
import psutil
import pytest

from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import created_key
from tests.support.web import WebServer

MEBIBYTE = 1024 * 1024
GUARD_CPU_SECONDS = 5
JSON = {"Content-Type": "application/json"}
BROWSER = {"Accept": "text/html"}


def used_by(web: WebServer) -> tuple[int, float]:
    """Bytes of memory that its process holds, and seconds of a processor that it has used."""
    [process] = map(psutil.Process, (each.pid for each in web.processes))
    times = process.cpu_times()
    return process.memory_info().rss, times.user + times.system


@pytest.mark.parametrize(
    "body",
    [
        b'{"text":"' + b'\\"' * 5_000_000,
        b'{"text":"' + b'\\"' * 131_600,
        b'"",' * 10_000_000,
        b"{" + b",".join(b'"a%d":0' % number for number in range(22_000)) + b"}",
        b'{"text": "a", "title": [' + b"[]," * 5_000_000 + b"[]]}",
        b"[" * 50_000_000,
    ],
    ids=["unclosed string", "unclosed short string", "many strings", "many names", "nested lists", "deep"],
)
def test_json_that_costs_more_than_it_says_is_refused_at_once(
    web: WebServer, client: httpx.Client, body: bytes
) -> None:
    before, cpu_seconds_before = used_by(web)

    response = client.post("/api/v1/pastes", content=body, headers=JSON)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    assert len(response.content) < 1000
    after, cpu_seconds_after = used_by(web)
    assert cpu_seconds_after - cpu_seconds_before < GUARD_CPU_SECONDS
    assert after - before < 200 * MEBIBYTE


def test_text_that_is_all_escapes_is_accepted(client: httpx.Client) -> None:
    text = '"' * MEBIBYTE + "\\" * MEBIBYTE + "[{}]," * 100_000

    key = create_paste(client, text=text)["key"]

    assert client.get(f"/{key}/raw").text == text


@pytest.mark.parametrize("charset", ["punycode", "undefined", "unicode_escape", "utf-7", "utf-16"])
def test_charset_that_a_form_claims_is_not_believed(web: WebServer, client: httpx.Client, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\ntda' + b"a" * 1_000_000 + b"\r\n--x--\r\n"
    _, cpu_seconds_before = used_by(web)

    response = client.post(
        "/pastes",
        content=body,
        headers=BROWSER | {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"},
    )

    key = created_key(response)
    _, cpu_seconds_after = used_by(web)
    assert cpu_seconds_after - cpu_seconds_before < GUARD_CPU_SECONDS
    assert client.get(f"/{key}/raw").text == "tda" + "a" * 1_000_000


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xc3\xff\r\n--x--',
            422,
        ),
        ("application/x-www-form-urlencoded", b"text=%ff", 422),
        ("application/x-www-form-urlencoded", b"text=" + b"%41" * 7_000_000, 413),
        ("application/x-www-form-urlencoded", b"a=1&" * 21, 422),
        ("multipart/form-data; boundary=x", b"not multipart", 422),
        ("multipart/form-data", b"no boundary", 422),
        ("text/plain", b"text=a", 422),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="text"; filename="a"\r\n\r\na\r\n--x--\r\n',
            422,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 100_000 + b"--x--\r\n",
            422,
        ),
    ],
    ids=[
        "not utf-8",
        "urlencoded not utf-8",
        "urlencoded long",
        "many",
        "garbage",
        "no boundary",
        "no form",
        "file",
        "parts",
    ],
)
def test_form_that_is_none_is_refused(client: httpx.Client, content_type: str, body: bytes, status: int) -> None:
    for address in ("/pastes", "/links"):
        response = client.post(address, content=body, headers={"Content-Type": content_type})

        assert response.status_code in (status, 413 if len(body) > 64 * 1024 else status)
        assert response.headers["content-type"] == "application/problem+json"


def test_forms_that_never_arrive_hold_no_connection_to_the_database(web: WebServer, client: httpx.Client) -> None:
    """More of them than there are connections."""
    link = create_link(client)
    client.patch(f"/api/v1/entries/{link['key']}", json={"title": "not cached now"}, headers=manage_headers(link))
    host, port = web.address.removeprefix("http://").split(":")
    request = (
        f"POST /{link['key']}/manage HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\na"
    )
    sockets = [socket.create_connection((host, int(port))) for _ in range(15)]
    for each in sockets:
        each.sendall(request.encode())

    assert client.post("/api/v1/links", json={"original_url": "https://example.org/"}).status_code == 201
    assert client.get(f"/{link['key']}").status_code == 302
    for each in sockets:
        each.close()


@pytest.mark.parametrize("text", ['"' * 8 * MEBIBYTE + "\U0001f98a", "\n" * 10 * MEBIBYTE, "ü" * 600_000 + "<b>"])
def test_page_of_a_large_text_streams(web: WebServer, client: httpx.Client, text: str) -> None:
    key = create_paste(client, text=text)["key"]
    [process] = web.processes
    before = psutil.Process(process.pid).memory_info().rss
    received = 0

    with client.stream("GET", f"/{key}", headers=BROWSER) as response:
        assert response.status_code == 200
        for chunk in response.iter_bytes():
            received += len(chunk)

    assert received > len(text.encode())
    assert psutil.Process(process.pid).memory_info().rss - before < 100 * MEBIBYTE


def test_url_that_grows_too_long_when_it_is_sent_is_refused(client: httpx.Client) -> None:
    response = client.post("/api/v1/links", json={"original_url": "https://example.org/" + "\U0001f98a" * 4_000})

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "url_invalid")


def test_only_the_present_version_of_a_static_file_is_kept_for_ever(client: httpx.Client) -> None:
    assert "immutable" not in client.get("/static/style/base.css?v=another").headers["cache-control"]
    assert client.get("/static/nothing.css?v=1").headers.get("cache-control", "").count("immutable") == 0
