"""The access log: which answers it has, and what it says of them."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from main_service.monitoring.line_writer import MAX_WAITING_BYTES, LineWriter
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.raw_http import LoggedWebServer, exchange, get_request, on_a_kept_connection
from tests.support.waiting import eventually, eventually_async

CLIENT = b"X-Forwarded-For: 203.0.113.177\r\n"


@pytest.fixture(scope="module")
def web(logging_environment: Environment) -> Iterator[LoggedWebServer]:
    settings = {"MAIN_LOG_FORMAT": "json", "MAIN_ACCESS_LOG": "true", "MAIN_TRUSTED_PROXIES": "127.0.0.1"}
    with LoggedWebServer(logging_environment | settings) as server:
        yield server


def logged(web: LoggedWebServer, count: int, **fields: object) -> list[dict[str, Any]]:
    """The lines with these fields, once there are as many."""

    def find() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in web.log().splitlines() if "main_service.access" in line]
        return [line for line in lines if fields.items() <= line.items()]

    return eventually(lambda: found if len(found := find()) >= count else [], f"{count} lines with {fields}")


def test_both_paths_say_the_same_of_a_redirect_and_of_a_text(web: LoggedWebServer) -> None:
    link, paste = create_link(web.client)["key"], create_paste(web.client, text="a text")["key"]
    headers = CLIENT + f"User-Agent: a reader\r\nX-Request-ID: request-{link}\r\n".encode()
    on_a_kept_connection(web, *[get_request(f"/{link}?a=b", headers) for _ in range(3)])
    on_a_kept_connection(web, *[get_request(f"/{paste}/raw", headers) for _ in range(3)])

    for path, route, status, size in (
        (f"/{link[:3]}…", "/{key}", 302, 0),
        (f"/{paste[:3]}…/raw", "/{key}/raw", 200, 6),
    ):
        lines = logged(web, 3, path=path)
        for line in lines:
            assert line["seconds"] >= 0
            same = {"method": "GET", "route": route, "status": status, "bytes": size, "client": "203.0.113.0"}
            assert same.items() <= line.items()
            assert (line["user_agent"], line["request_id"]) == ("a reader", f"request-{link}")
        assert len({tuple(line) for line in lines}) == 1, "the same fields in the same order"
    assert link not in web.log().replace(f"request-{link}", "")
    assert paste not in web.log()


@pytest.mark.parametrize("wish", [b"DNT: 1", b"Sec-GPC: 1"])
def test_of_who_wants_no_tracking_neither_address_nor_browser_is_logged(wish: bytes, web: LoggedWebServer) -> None:
    key = create_link(web.client)["key"]
    on_a_kept_connection(web, *[get_request(f"/{key}", CLIENT + wish + b"\r\nUser-Agent: x\r\n") for _ in range(3)])

    for line in logged(web, 3, path=f"/{key[:3]}…"):
        assert (line["client"], line["user_agent"]) == (None, "")


def test_what_the_app_answers_is_logged_by_its_route_without_what_clients_fill_in(web: LoggedWebServer) -> None:
    asked = {
        "/verify/a-secret-token?x=y": ("/verify/{token}", "/verify/{token}"),
        "/static/favicon.svg": ("", "/static/favicon.svg"),
        "/static/secret.txt": ("", "/sta…/sec…"),
        "/no/such/page?a=b": ("", "/n…/su…/pa…"),
        '/"quoted"/x': ("", '/"qu…/…'),
        "/abc": ("/{key}", "/a…"),
        "/%C2%9B2Jletters": ("/{key}", "/2J…"),
        "/%0A%1B%7Fdirectory/%C2%85file": ("", "/…/f…"),
    }
    for number, (address, (route, path)) in enumerate(asked.items()):
        web.client.get(address, headers={"X-Request-ID": f"request-{number}"})
        [line] = logged(web, 1, request_id=f"request-{number}")
        assert (line["route"], line["path"]) == (route, path)


def test_what_never_reached_the_app_is_logged_with_the_code_of_its_answer(web: LoggedWebServer) -> None:
    exchange(web, b"nonsense\r\n\r\n")
    exchange(web, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n")

    [nonsense] = logged(web, 1, refused="bad_request")
    assert (nonsense["status"], nonsense["method"], nonsense["path"]) == (400, "-", "-")
    [large] = logged(web, 1, refused="headers_too_large")
    assert large["status"] == 431


def test_page_about_privacy_tells_of_it(web: LoggedWebServer) -> None:
    said = " ".join(web.client.get("/privacy").text.split())

    assert "which browser, and your IP address without its last part; without browser and IP address if" in said
    assert "Logs hold no whole IP addresses of visitors, no texts and no targets." in said


def test_text_has_a_line_of_the_same(logging_environment: Environment) -> None:
    with LoggedWebServer(logging_environment | {"MAIN_ACCESS_LOG": "true"}) as web:
        web.client.get("/privacy", headers={"User-Agent": "a reader"})
        [line] = eventually(lambda: [it for it in web.log().splitlines() if "/privacy" in it], "the line")

    assert " INFO main_service.access: GET /privacy 200 " in line
    assert ' "127.0.0.0" "a reader" [request_id ' in line


async def test_lines_that_are_not_read_are_left_out_and_nothing_waits_for_them() -> None:
    reading, writing = os.pipe()
    try:
        writer = LineWriter(writing, left_out=lambda count: b"%d left out\n" % count)
        line = b"x" * 999 + b"\n"
        sent = 2 * MAX_WAITING_BYTES // len(line)
        for _ in range(sent // 100):
            for _ in range(100):
                writer.add(line)
            # As the event loop does at the end of its turn; it must come back although the pipe is full.
            writer._write()
        os.set_blocking(reading, False)
        read = bytearray()

        def has_told() -> bool:
            try:
                read.extend(os.read(reading, 1 << 16))
            except BlockingIOError:
                pass
            return b"left out" in read

        await eventually_async(has_told, "the line about what is missing")
    finally:
        os.close(reading)
        os.close(writing)
    *lines, told = bytes(read).splitlines(keepends=True)
    assert set(lines) == {line}
    assert int(told.split()[0]) + len(lines) == sent // 100 * 100
