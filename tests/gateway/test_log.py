"""The gateway's log: a line for each request, without what is secret or names a person."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engines import temporary_folder
from tests.support.gateway import Gateway
from tests.support.raw_http import exchange
from tests.support.waiting import eventually

TOKEN = "eyJhbGciOi-planted-secret"
FIELDS = {"time", "level", "logger", "client", "method", "path", "protocol", "status", "bytes", "seconds"}
WEB_FIELDS = {"web", "web_status", "web_seconds", "request_id"}


@pytest.fixture(scope="module")
def cut_log(nginx: str) -> Iterator[Gateway]:
    """No web process is needed to be logged; 127.0.0.1 is a proxy, so that requests can come from anywhere."""
    settings = {"MAIN_TRUSTED_PROXIES": "127.0.0.1"}
    with temporary_folder() as folder, Gateway(folder / "gateway", [], settings=settings) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def open_log(nginx: str) -> Iterator[Gateway]:
    settings = {"MAIN_TRUSTED_PROXIES": "127.0.0.1", "MAIN_VISIT_IP": "full"}
    with temporary_folder() as folder, Gateway(folder / "gateway", [], settings=settings) as gateway:
        yield gateway


def lines_after(gateway: Gateway, count: int) -> list[dict[str, Any]]:
    return eventually(lambda: len(lines := gateway.access_log()) > count and lines[count:], "a new line")


@pytest.mark.parametrize(
    ("asked", "logged"),
    [
        (f"/?secret={TOKEN}", "/"),
        (f"/kept-key?secret={TOKEN}", "/kep…"),
        ("/kept-key/manage/edit", "/kep…/manage/edit"),
        (f"/{TOKEN}/raw", "/eyJ…/raw"),
        (f"/{TOKEN}", "/eyJ…"),
        (f"/c/{TOKEN}", "/c/eyJ…"),
        (f"/api/v1/entries/{TOKEN}/text", "/api/v1/entries/eyJ…/text"),
        (f"/api/v1/collections/7/entries/{TOKEN}", "/api/v1/collections/7/entries/eyJ…"),
        (f"/raw/{TOKEN}", "/raw/eyJ…"),
        (f"/documents/{TOKEN}.py", "/documents/eyJ…"),
        (f"/api/v1/paste/{TOKEN}", "/api/v1/paste/eyJ…"),
        (f"/rest/v3/short-urls/{TOKEN}/visits", "/rest/v3/short-urls/eyJ…/visits"),
        (f"/v4/bitlinks/paste.example.org/{TOKEN}", "/v4/bitlinks/paste.example.org/eyJ…"),
        ("/static/style/base.css", "/static/style/base.css"),
        ("/api/v1/links", "/api/v1/links"),
        (f"/verify/{TOKEN}", "/verify/[token]"),
        (f"/verify/{TOKEN}/more?x=y", "/verify/[token]"),
        (f"/reset/{TOKEN}", "/reset/[token]"),
        (f"/api/v1/auth/verify/{TOKEN}", "/api/v1/auth/verify/[token]"),
        (f"/%76e%72i%66y/{TOKEN}", "/%76e%72i%66y/[token]"),
        (f"/R%45SE%54%2f{TOKEN}", "/R%45SE%54%2f[token]"),
        (f"//verify/{TOKEN}", "//verify/[token]"),
        (f"/files/report?signature={TOKEN}", "/files/report"),
        (f"/files/report;signature={TOKEN};x=y", "/files/report;signature=[masked];x=y"),
        (f"/files/signature%3D{TOKEN}", "/files/signature%3D[masked]"),
        ("/reset", "/reset"),
        ("/docs/a%0Ab%22c", "/docs/a%0Ab%22c"),
        ("//double//slash", "//double//slash"),
    ],
)
def test_path_is_logged_without_query_and_tokens(cut_log: Gateway, asked: str, logged: str) -> None:
    before = len(cut_log.access_log())
    referrer = f"Referer: https://elsewhere.example/{TOKEN}\r\nCookie: s={TOKEN}\r\nUser-Agent: {TOKEN}\r\n"
    exchange(cut_log, f"GET {asked} HTTP/1.1\r\nHost: x\r\n{referrer}Connection: close\r\n\r\n".encode())

    [line] = lines_after(cut_log, before)
    assert line["path"] == logged
    assert line.keys() == FIELDS | WEB_FIELDS
    assert TOKEN not in (cut_log.folder / "access.log").read_text() + cut_log.log()


@pytest.mark.parametrize(
    ("address", "logged"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1234:5678:9abc:def0:1:2", "2001:db8:1234::"),
        ("2001:db8:1234::1", "2001:db8:1234::"),
        ("2001:db8::1", "2001:db8::"),
        ("2001::1", "2001::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("::1", "::1"),
        ("::2", "::"),
        ("fe80::1:2:3:4", "fe80::"),
    ],
)
def test_address_is_cut(cut_log: Gateway, open_log: Gateway, address: str, logged: str) -> None:
    for gateway, expected in ((cut_log, logged), (open_log, address)):
        before = len(gateway.access_log())
        gateway.client.get("/", headers={"X-Forwarded-For": address})
        [line] = lines_after(gateway, before)
        assert line["client"] == expected


def test_method_is_logged_as_sent_where_an_error_page_answers(cut_log: Gateway) -> None:
    before = len(cut_log.access_log())
    sent = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    for method in sent:
        assert cut_log.client.request(method, "/kept-key").status_code == 502

    lines = eventually(lambda: len(lines := cut_log.access_log()[before:]) >= len(sent) and lines, "all lines")
    assert [(line["method"], line["status"]) for line in lines] == [(method, 502) for method in sent]


def test_what_is_no_request_is_logged_without_its_bytes(cut_log: Gateway) -> None:
    before = len(cut_log.access_log())
    exchange(cut_log, f"NONSENSE {TOKEN}\r\n\r\n".encode())

    [line] = lines_after(cut_log, before)
    assert (line["status"], line["path"]) == (400, "-")
    assert TOKEN not in json.dumps(line) + cut_log.log()


def test_log_can_be_turned_off(nginx: str) -> None:
    with temporary_folder() as folder:
        off = {"SLIPBIN_ACCESS_LOG": "false"}
        with Gateway(folder / "gateway", [], settings=off) as gateway:
            gateway.client.get("/")
            assert not (folder / "gateway" / "access.log").exists()
