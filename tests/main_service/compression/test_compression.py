"""What is compressed on the wire and for whom, and that each client gets the same content."""

import gzip
import re
from typing import Any

import httpx
import pytest
import zstandard

from main_service.compression.encodings import ENCODINGS, best_encoding
from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste
from tests.support.pages import BROWSER
from tests.support.raw_http import exchange, get_request
from tests.support.web import WebServer

TEXT = "".join(f"line {number} of a log\n" for number in range(400))


def fetch(client: httpx.Client, path: str, encoding: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its body as it came."""
    with client.stream("GET", path, headers={"Accept-Encoding": encoding, **headers}) as response:
        return response, b"".join(response.iter_raw())


def decoded(body: bytes, encoding: str | None) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return gzip.decompress(body) if encoding == "gzip" else body


@pytest.mark.parametrize(
    ("accepted", "best"),
    [
        ("", "identity"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("X-GZIP", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0.0, gzip;q=0.000", "identity"),
        ("zstd;q=0.1, gzip;q=0.9", "gzip"),
        ("*", "gzip"),
        ("*;q=0, zstd", "zstd"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip", "gzip"),
        ("identity;q=0", "identity"),
        ("br", "identity"),
        ("zstd" + " " * 300, "zstd"),
        ("\xff,;q=,gzip;q=x", "gzip"),
    ],
)
def test_client_gets_the_coding_that_it_likes_best(accepted: str, best: str) -> None:
    assert best_encoding(accepted.encode("latin-1")) == best


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_people_read_is_compressed(client: httpx.Client, encoding: str) -> None:
    small, large = create_paste(client, text=TEXT)["key"], create_paste(client, text=TEXT * 200)["key"]
    link = create_link(client)["key"]
    paths = [
        "/privacy",
        "/docs",
        "/openapi.json",
        "/static/style/base.css",
        "/static/copy.js",
        "/static/docs/redoc.standalone.js",
    ]
    paths += [f"/{small}", f"/{small}/raw", f"/{large}", f"/{large}/raw", f"/{link}+", f"/api/v1/entries/{small}/text"]
    for path in paths:
        accept = {"Accept": "application/json" if path == "/openapi.json" else "text/html"}
        plain, expected = fetch(client, path, "identity", **accept)
        response, body = fetch(client, path, encoding, **accept)
        assert (plain.status_code, response.status_code) == (200, 200), path
        assert "content-encoding" not in plain.headers, path
        assert response.headers.get("content-encoding") == encoding, path
        assert decoded(body, encoding) == expected, path
        assert len(body) < len(expected), path
        assert int(response.headers.get("content-length", len(body))) == len(body), path
        for answer in (plain, response):
            assert "accept-encoding" in answer.headers["vary"].lower(), path


def test_nothing_else_is_compressed(client: httpx.Client) -> None:
    user = new_user(client).headers
    key, link = create_paste(client, text=TEXT, title="x" * 200)["key"], create_link(client)["key"]
    cookie = {"Cookie": "slipbin_form=x"}
    asked: list[tuple[str, dict[str, Any]]] = [
        # A secret of the reader could be guessed by the length.
        (f"/{key}/raw", user),
        ("/privacy", user),
        ("/privacy", cookie),
        ("/privacy", {"Cookie": "a=b; __Host-slipbin_session=x"}),
        (f"/{key}/raw", {"Cookie": "__Secure-slipbin_manage=x"}),
        # It sets a cookie.
        ("/sign-in", {}),
        # Of other kinds, or small.
        (f"/api/v1/entries/{key}", {}),
        (f"/{key}/qr.png", {}),
        (f"/{link}", {}),
        ("/static/favicon.svg", {}),
        ("/robots.txt", {}),
        (f"/{create_paste(client, text='x' * 1024)['key']}/raw", {}),
    ]
    for path, headers in asked:
        response, _ = fetch(client, path, "gzip, zstd", **BROWSER | headers)
        assert response.status_code in (200, 302), path
        if path == "/sign-in":
            client.cookies.clear()
        assert "content-encoding" not in response.headers, (path, headers)


def test_static_file_is_compressed_for_everyone_because_it_is_the_same_for_all(client: httpx.Client) -> None:
    response, _ = fetch(client, "/static/style/base.css", "gzip", Cookie="slipbin_session=x")

    assert response.headers["content-encoding"] == "gzip"


def test_each_coding_of_a_static_file_has_an_etag_of_its_own(client: httpx.Client) -> None:
    path = "/static/style/base.css"
    etags = {}
    for encoding in ("identity", *ENCODINGS):
        response, body = fetch(client, path, encoding)
        etags[encoding] = response.headers["etag"]
        again, nothing = fetch(client, path, encoding, **{"If-None-Match": response.headers["etag"]})
        assert (again.status_code, nothing) == (304, b"")
        assert again.headers["etag"] == response.headers["etag"]
        assert again.headers["vary"] == "Accept-Encoding"
        headed = client.head(path, headers={"Accept-Encoding": encoding})
        assert int(headed.headers["content-length"]) == len(body)
        assert headed.headers.get("content-encoding") == response.headers.get("content-encoding")
        since = {"If-Modified-Since": response.headers["last-modified"]}
        assert fetch(client, path, encoding, **since)[0].status_code == 304
    assert len(set(etags.values())) == 3
    assert fetch(client, path, "gzip", **{"If-None-Match": etags["zstd"]})[0].status_code == 200


def test_part_of_a_static_file_is_of_the_file_as_it_is(client: httpx.Client) -> None:
    path = "/static/style/base.css"
    whole = client.get(path, headers={"Accept-Encoding": "identity"})
    part, body = fetch(client, path, "gzip", Range="bytes=5-9", **{"If-Range": whole.headers["etag"]})

    assert (part.status_code, body) == (206, whole.content[5:10])
    assert "content-encoding" not in part.headers


@pytest.mark.parametrize("path", ["/privacy", "/static/style/base.css", "/{}/raw", "/{}"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_head_says_what_get_would(client: httpx.Client, path: str, encoding: str) -> None:
    address = path.format(create_paste(client, text=TEXT * 100)["key"])
    headers = {"Accept": "text/html", "Accept-Encoding": encoding}
    got = client.get(address, headers=headers)

    headed = client.head(address, headers=headers)

    assert headed.content == b""
    varying = {"date", "x-request-id", "transfer-encoding"}
    assert {n: v for n, v in headed.headers.items() if n not in varying} == {
        n: v for n, v in got.headers.items() if n not in varying
    }


def test_client_of_http_1_0_gets_no_stream_without_its_length(client: httpx.Client, web: WebServer) -> None:
    key = create_paste(client, text=TEXT * 100)["key"]

    [answer] = exchange(web, get_request(f"/{key}/raw", b"Accept-Encoding: gzip\r\n", version="1.0"))

    assert "content-encoding" not in answer.headers
    assert answer.body.decode() == TEXT * 100


def test_page_of_an_error_is_compressed_too(client: httpx.Client) -> None:
    response, body = fetch(client, "/nothing-here", "gzip", **BROWSER)

    assert (response.status_code, response.headers.get("content-encoding")) == (404, "gzip")
    assert re.search(rb"<html", decoded(body, "gzip"))
