"""Clients that send or read too slowly are left, whatever they do; slow but honest ones are served.

All of them begin at once and each test waits for its own, because the limits are seconds of real time.
"""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.support.engines import Environment
from tests.support.entries import create_paste
from tests.support.raw_http import (
    Answer,
    LoggedWebServer,
    parse,
)
from tests.support.serve_workers import END_SECONDS
from tests.support.slow_clients import (
    LIMIT_SECONDS,
    POST,
    end_body_after_answer,
    read_late,
    read_nothing,
    say_nothing,
    send_slowly,
    upload_honestly,
    wait_before_continue,
    wait_behind_others,
)

KEEP_ALIVE_SECONDS = 15
DRAIN_SECONDS = 20
SLACK_SECONDS = 20.0
"""For a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def web(environment: Environment) -> Iterator[LoggedWebServer]:
    with LoggedWebServer(environment) as server:
        yield server


@pytest.fixture(scope="module")
def clients(web: LoggedWebServer, environment: Environment) -> Iterator[Mapping[str, "Future[object]"]]:
    with web.new_client() as visitor:
        large = create_paste(visitor, text="a line\n" * 1_400_000)["key"]
    database_url = environment["MAIN_DATABASE_URL"].replace("+asyncpg", "")
    ended = b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    large_chunk = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
    unread = b"POST /api/v1/unknown HTTP/1.1\r\nHost: x\r\n"
    answered = b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\n\r\n"
    begun: dict[str, Callable[[], object]] = {
        "silent": lambda: say_nothing(web),
        "head": lambda: send_slowly(web, b"GET /", b"a"),
        "header": lambda: send_slowly(web, b"GET / HTTP/1.1\r\nX: ", b"a"),
        "empty lines": lambda: send_slowly(web, b"", b"\r\n"),
        "second head": lambda: send_slowly(web, answered + b"GET / HTTP/1.1\r\n", b"X: a\r\n"),
        "body": lambda: send_slowly(web, POST + ended, b" "),
        "chunks": lambda: send_slowly(web, POST + chunked, b"1\r\n \r\n"),
        "chunk extension": lambda: send_slowly(web, POST + chunked + b"1;", b"a"),
        "form": lambda: send_slowly(web, POST.replace(b"/api/v1", b"").replace(b"json", b"x") + ended, b"a"),
        "half a body": lambda: say_nothing(web, POST + ended + b"{"),
        "fast start": lambda: say_nothing(web, POST + b"Content-Length: 9000000\r\n\r\n" + b"a" * 2_000_000),
        "unread post": lambda: send_slowly(web, unread + ended, b"a"),
        "unread chunks": lambda: send_slowly(web, unread + chunked, b"1\r\n \r\n"),
        "unread get": lambda: send_slowly(web, b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\n" + ended, b"a"),
        "unread last": lambda: send_slowly(web, b"GET /static/favicon.svg HTTP/1.0\r\n" + ended, b"a"),
        "unread quickly": lambda: send_slowly(web, unread + chunked, large_chunk),
        "keep-alive": lambda: say_nothing(web, answered),
        "keep-alive after body": lambda: end_body_after_answer(web),
        "upload": lambda: upload_honestly(web),
        "continue": lambda: wait_before_continue(web),
        "reads nothing": lambda: read_nothing(web, f"/{large}/raw"),
        "reads no page": lambda: read_nothing(web, f"/{large}", b"Accept: text/html\r\n"),
        "reads no last answer": lambda: read_nothing(web, f"/{large}/raw", b"Connection: close\r\n"),
        "reads late": lambda: read_late(web, f"/{large}"),
        "waits": lambda: wait_behind_others(web, database_url, is_asked=False),
        "waits to be asked": lambda: wait_behind_others(web, database_url, is_asked=True),
    }
    with ThreadPoolExecutor(len(begun)) as pool:
        yield {name: pool.submit(talk) for name, talk in begun.items()}


def closed_after(clients: Mapping[str, "Future[object]"], name: str, seconds: float) -> list[Answer]:
    """What a client was answered whose connection was closed then."""
    outcome = clients[name].result()
    assert isinstance(outcome, tuple)
    waited_seconds, received = outcome
    assert seconds - 1 < waited_seconds < seconds + SLACK_SECONDS
    return parse(received)


def test_connection_on_which_nothing_comes_is_closed(clients: Mapping[str, "Future[object]"]) -> None:
    assert closed_after(clients, "silent", LIMIT_SECONDS) == []


@pytest.mark.parametrize(
    "name", ["head", "header", "empty lines", "body", "chunks", "chunk extension", "form", "half a body", "fast start"]
)
def test_request_that_comes_slowly_is_408(clients: Mapping[str, "Future[object]"], name: str) -> None:
    [answer] = closed_after(clients, name, LIMIT_SECONDS)

    assert (answer.status, answer.headers["content-type"]) == (408, "application/problem+json")
    assert json.loads(answer.body)["code"] == "request_timeout"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_second_request_that_comes_slowly_is_408(clients: Mapping[str, "Future[object]"]) -> None:
    assert [each.status for each in closed_after(clients, "second head", LIMIT_SECONDS)] == [200, 408]


@pytest.mark.parametrize(
    ("name", "status"), [("unread post", 404), ("unread chunks", 404), ("unread get", 200), ("unread last", 200)]
)
def test_body_that_is_not_read_holds_no_connection(
    clients: Mapping[str, "Future[object]"], name: str, status: int
) -> None:
    outcome = clients[name].result()
    assert isinstance(outcome, tuple)
    assert outcome[0] < LIMIT_SECONDS + SLACK_SECONDS
    assert [answer.status for answer in parse(outcome[1])] == [status]


def test_endless_body_that_is_not_read_is_drained_for_a_while_only(clients: Mapping[str, "Future[object]"]) -> None:
    assert [answer.status for answer in closed_after(clients, "unread quickly", DRAIN_SECONDS)] == [404]


@pytest.mark.parametrize("name", ["keep-alive", "keep-alive after body"])
def test_connection_is_kept_for_15_s(clients: Mapping[str, "Future[object]"], name: str) -> None:
    assert len(closed_after(clients, name, KEEP_ALIVE_SECONDS)) == 1


@pytest.mark.parametrize("name", ["upload", "continue"])
def test_slow_but_honest_upload_is_accepted(clients: Mapping[str, "Future[object]"], name: str) -> None:
    answer = clients[name].result()
    assert isinstance(answer, Answer)
    assert answer.status == 201


@pytest.mark.parametrize("name", ["waits", "waits to be asked"])
def test_time_in_which_we_do_not_read_is_not_the_client_s(clients: Mapping[str, "Future[object]"], name: str) -> None:
    answers = clients[name].result()
    assert isinstance(answers, list)
    assert [answer.status for answer in answers] == [503, 503, 503, 503, 201]


@pytest.mark.parametrize("name", ["reads nothing", "reads no page", "reads no last answer"])
def test_client_that_reads_nothing_is_left(clients: Mapping[str, "Future[object]"], name: str) -> None:
    seconds = clients[name].result()
    assert isinstance(seconds, float)
    assert 19 < seconds < 45


def test_answer_that_has_begun_gets_no_second_one(clients: Mapping[str, "Future[object]"]) -> None:
    received = clients["reads late"].result()
    assert isinstance(received, bytes)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 408" not in received
    assert not received.endswith(b"0\r\n\r\n"), "the client must see that it is not complete"


def test_slow_clients_delay_no_one_and_leave_nothing_behind(
    web: LoggedWebServer, clients: Mapping[str, "Future[object]"]
) -> None:
    with web.new_client() as visitor:
        assert visitor.get("/static/favicon.svg").status_code == 200
    for talk in clients.values():
        talk.exception()
    [process] = web.processes
    process.send_signal(signal.SIGTERM)
    # It would wait for a request whose client is gone, and say that it gave it up.
    assert process.wait(END_SECONDS) == 0
    assert "running task" not in web.log()
    assert "Traceback" not in web.log()
