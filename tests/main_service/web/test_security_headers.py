"""Each answer carries the headers that protect from other sites: of every route, and every error."""

import re
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from main_service.http_server import error_responses
from main_service.http_server.error_responses import Refusal
from tests.support.accounts import PASSWORD, User, new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.pages import BROWSER
from tests.support.raw_http import connect, parse, read_to_end
from tests.support.routes import Route, all_routes
from tests.support.security_headers import assert_protected
from tests.support.web import WebServer


@pytest.fixture(scope="module")
def walked_web(environment: Environment) -> Iterator[WebServer]:
    """A web process that people reach under https, through a proxy that stands in front of it."""
    with WebServer(environment | {"MAIN_PUBLIC_URL": "https://slipbin.test", "MAIN_METRICS_TOKEN": "m" * 32}) as server:
        yield server


@pytest.fixture(scope="module")
def walker(walked_web: WebServer) -> User:
    return new_user(walked_web.client)


@pytest.fixture(scope="module")
def visitors(walked_web: WebServer, walker: User) -> list[dict[str, str]]:
    """The headers of a browser, a program, and both with a session; and of the operator."""
    page = walked_web.client.post("/sign-in", data={"name": walker.email, "password": PASSWORD}, headers=BROWSER)
    cookie = page.headers["set-cookie"].partition(";")[0]
    walked_web.client.cookies.clear()
    return [
        BROWSER,
        {"Accept": "*/*"},
        {**BROWSER, "Cookie": cookie},
        dict(walker.headers),
        {"Authorization": f"Bearer {'m' * 32}"},
    ]


@pytest.fixture(scope="module")
def keys(walked_web: WebServer) -> list[str]:
    client = walked_web.client
    made = [create_paste(client), create_link(client), create_link(client, views=3), create_paste(client, views=3)]
    return [*(str(entry["key"]) for entry in made), "never1A"]


def addresses(route: Route, keys: list[str]) -> list[str]:
    """The path with what is there, where it names an entry; else with what is not."""
    paths = [route.path]
    for name in re.findall(r"{(\w+)(?::\w+)?}", route.path):
        values = keys if name in ("key", "entry_key") else [str(uuid4())]
        paths = [re.sub(rf"{{{name}(:\w+)?}}", value, path) for path in paths for value in values]
    return paths


def assert_answer_is_protected(answer: httpx.Response) -> None:
    headers = [(name.lower(), value) for name, value in answer.headers.multi_items()]
    assert_protected(answer.status_code, headers, path=answer.request.url.path)


def test_answers_of_every_route_are_protected(
    walked_web: WebServer, visitors: list[dict[str, str]], keys: list[str]
) -> None:
    statuses = set()
    for route in all_routes():
        is_read = route.method == "GET"
        for path in addresses(route, keys if is_read else keys[-1:]):
            # Nothing is sent that would end the session or the account.
            for headers in visitors if is_read else visitors[:2]:
                answer = walked_web.client.request(route.method, path, headers=headers, json=None if is_read else {})
                assert_answer_is_protected(answer)
                statuses.add(answer.status_code)
    assert {200, 302, 303, 401, 403, 404, 422} <= statuses
    # 501 is what Shlink's clients are told where there is no hub.
    assert not {status for status in statuses if status >= 500} - {501}, "the errors of bugs are another test's"


def test_reads_from_the_cache_are_protected(walked_web: WebServer, keys: list[str]) -> None:
    """They are answered before the application sees them."""
    for path in (f"/{keys[0]}/raw", f"/{keys[1]}"):
        for _ in range(4):
            assert_answer_is_protected(walked_web.client.get(path))


ERRORS: list[tuple[int, str, str, dict[str, str]]] = [
    (404, "GET", "/static/nothing.css", {}),
    (405, "POST", "/static/style/base.css", {}),
    (405, "PUT", "/api/v1/pastes", {}),
    (404, "GET", "/no/such/page", BROWSER),
    (308, "GET", "/docs/", {}),
    (200, "GET", "/static/style/base.css", {}),
    (200, "GET", "/static/docs/swagger-ui.css", {}),
    (206, "GET", "/static/style/base.css", {"Range": "bytes=0-3"}),
    (416, "GET", "/static/style/base.css", {"Range": "bytes=99999999-"}),
    (403, "POST", "/links", {**BROWSER, "Origin": "https://foreign.test"}),
    (413, "POST", "/sign-in", BROWSER),
    (401, "GET", "/api/v1/entries", {"Authorization": "Bearer x"}),
    (204, "OPTIONS", "/api/v1/pastes", {"Origin": "https://foreign.test", "Access-Control-Request-Method": "POST"}),
]


@pytest.mark.parametrize(("status", "method", "path", "headers"), ERRORS)
def test_errors_and_files_are_protected(
    walked_web: WebServer, status: int, method: str, path: str, headers: dict[str, str]
) -> None:
    content = b"x" * 200_000 if status == 413 else None
    with walked_web.new_client() as client:
        answer = client.request(method, path, headers=headers, content=content)
    assert answer.status_code == status, answer.text
    assert_answer_is_protected(answer)


def test_unchanged_file_is_protected(walked_web: WebServer, keys: list[str]) -> None:
    for path in ("/static/style/base.css", f"/{keys[0]}/qr.svg"):
        with walked_web.new_client() as client:
            etag = client.get(path).headers["etag"]
            answer = client.get(path, headers={"If-None-Match": etag})
        assert answer.status_code == 304
        assert_answer_is_protected(answer)


REFUSALS = {name: refusal for name, refusal in vars(error_responses).items() if isinstance(refusal, Refusal)}


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_refusal_before_the_application_is_protected(name: str) -> None:
    [answer] = parse(REFUSALS[name].encode([]))

    assert answer.status >= 400
    assert_protected(answer.status, [(key.lower(), value) for key, value in answer.headers.items()], path="*")


def test_what_is_not_http_is_answered_with_the_headers(walked_web: WebServer) -> None:
    with connect(walked_web) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        [answer] = parse(read_to_end(connection))

    assert answer.status == 400
    assert_protected(answer.status, list(answer.headers.items()), path="*")
