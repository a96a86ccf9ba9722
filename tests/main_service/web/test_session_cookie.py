"""Over https the name of the session cookie binds it to its host, and that of the previous release is replaced."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest
import redis
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.web import session_cookie
from tests.support.accounts import PASSWORD, User, new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.pages import BROWSER
from tests.support.settings import settings_of
from tests.support.visits import streamed_visits
from tests.support.web import WebServer

OLD, NEW = "slipbin_session", "__Host-slipbin_session"


@pytest.fixture(scope="module")
def https_web(environment: Environment) -> Iterator[WebServer]:
    """A web process that people reach under https, through a proxy that stands in front of it."""
    with WebServer(environment | {"MAIN_PUBLIC_URL": "https://slipbin.test"}) as server:
        yield server


@pytest.fixture
def caller(https_web: WebServer) -> Iterator[httpx.Client]:
    with https_web.new_client() as client:
        yield client


@pytest.fixture(scope="module")
def https_user(https_web: WebServer) -> User:
    return new_user(https_web.client)


@pytest.fixture(scope="module")
def session_token(https_web: WebServer, https_user: User) -> str:
    """The token of a session that no test ends."""
    return sign_in(https_web.client, https_user)


def cookies_set(answer: httpx.Response) -> dict[str, "Morsel[str]"]:
    found: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        found.load(line)
    return dict(found)


def sign_in(client: httpx.Client, user: User) -> str:
    """The token. The client would not send it: over http it keeps a cookie that is for https."""
    answer = client.post("/sign-in", data={"name": user.email, "password": PASSWORD}, headers=BROWSER)
    client.cookies.clear()
    return cookies_set(answer)[NEW].value


def states(answer: httpx.Response) -> Mapping[str, tuple[str, str]]:
    """Content and lifetime of the cookies of sessions that an answer sets, by name."""
    cookies = cookies_set(answer)
    return {name: (cookies[name].value, cookies[name]["max-age"]) for name in (OLD, NEW) if name in cookies}


def ask(client: httpx.Client, path: str, cookie: str | bytes, **fields: str) -> httpx.Response:
    """GET, or POST of a form if there are fields."""
    raw = cookie if isinstance(cookie, bytes) else cookie.encode()
    headers = {**{name.encode(): value.encode() for name, value in BROWSER.items()}, b"Cookie": raw}
    client.cookies.clear()
    return client.request("POST" if fields else "GET", path, data=fields or None, headers=headers)


MONTH = str(int(BROWSER_LIFETIME.total_seconds()))


def test_signing_in_sets_a_cookie_of_this_host_and_clears_the_old_one(caller: httpx.Client) -> None:
    fields = {"name": new_user(caller).email, "password": PASSWORD}
    cookies = cookies_set(caller.post("/sign-in", data=fields, headers=BROWSER))

    assert (cookies[NEW]["max-age"], cookies[OLD]["max-age"], cookies[OLD].value) == (MONTH, "0", "")
    for name in (NEW, OLD):
        cookie = cookies[name]
        assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "lax")
        assert cookie["secure"]
        assert cookie["httponly"]


@pytest.mark.parametrize("path", ["/settings", "/", "/profile", "/nothing-here", "/api/v1/nothing"])
def test_old_cookie_is_read_and_replaced_in_the_same_answer(
    caller: httpx.Client, session_token: str, path: str
) -> None:
    answer = ask(caller, path, f"a=b; {OLD}={session_token}")

    assert answer.status_code == (404 if "nothing" in path else 200)
    assert states(answer) == {NEW: (session_token, MONTH), OLD: ("", "0")}
    assert states(ask(caller, path, f"{NEW}={session_token}")) == {}


def test_redirect_replaces_the_old_cookie_too(caller: httpx.Client, session_token: str) -> None:
    answer = ask(caller, f"/{create_link(caller)['key']}", f"{OLD}={session_token}")

    assert (answer.status_code, states(answer)) == (302, {NEW: (session_token, MONTH), OLD: ("", "0")})


def test_answer_that_caches_keep_holds_no_session(caller: httpx.Client, session_token: str) -> None:
    paths = ["/static/style/base.css", "/robots.txt", f"/{create_paste(caller)['key']}/qr.svg"]
    for path in paths:
        answer = ask(caller, path, f"{OLD}={session_token}")
        assert "max-age" in answer.headers["cache-control"]
        assert "set-cookie" not in answer.headers, path


@pytest.mark.parametrize("name", [OLD, NEW])
def test_signing_out_clears_both(caller: httpx.Client, https_user: User, name: str) -> None:
    session_token = sign_in(caller, https_user)
    answer = ask(caller, "/sign-out", f"{name}={session_token}", other="")

    assert (answer.status_code, states(answer)) == (303, {NEW: ("", "0"), OLD: ("", "0")})
    for each in (OLD, NEW):
        assert ask(caller, "/settings", f"{each}={session_token}").status_code == 303


@pytest.mark.parametrize("path", ["/settings", "/sign-in"])
def test_old_cookie_of_a_session_that_ended_is_cleared(caller: httpx.Client, path: str) -> None:
    assert states(ask(caller, path, f"{OLD}=over")) == {NEW: ("", "0"), OLD: ("", "0")}


@pytest.mark.parametrize("value", ["", "over"])
def test_old_cookie_is_not_read_beside_the_new_one(caller: httpx.Client, session_token: str, value: str) -> None:
    for cookie in (f"{NEW}={value}; {OLD}={session_token}", f"{OLD}={session_token}; {NEW}={value}"):
        assert ask(caller, "/settings", cookie).status_code == 303


@pytest.mark.parametrize("before", [b"\x85", b"\xa0", b"\xc2\xa0", b"\xe2\x80\x80", b'"', b"__", b"="])
@pytest.mark.parametrize("name", [OLD, NEW])
def test_cookie_with_nearly_that_name_is_not_ours(
    caller: httpx.Client, session_token: str, before: bytes, name: str
) -> None:
    """A sub-domain may set one with a prefix that browsers don't see as `__Host-`."""
    answer = ask(caller, "/settings", before + f"{name}={session_token}".encode())

    assert answer.status_code == 303
    assert states(answer) == {}


def test_hostile_old_cookie_breaks_no_answer(caller: httpx.Client) -> None:
    for value in (b"\xff\xfe", b'"a\\073 b"', b"a b,c", b"\t" + b"x" * 5_000, b"=="):
        answer = ask(caller, "/", f"{OLD}=".encode() + value)
        assert answer.status_code == 200
        assert set(cookies_set(answer)) <= {OLD, NEW, "slipbin_form"}


def test_over_http_the_cookie_keeps_its_name(client: httpx.Client) -> None:
    answer = client.post("/sign-in", data={"name": new_user(client).email, "password": PASSWORD}, headers=BROWSER)
    token = answer.cookies[OLD]

    assert states(answer) == {OLD: (token, MONTH)}
    assert ask(client, "/settings", f"{NEW}={token}").status_code == 303
    assert states(ask(client, "/settings", f"{OLD}={token}")) == {}


def test_old_name_is_not_read_once_its_sessions_have_ended(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Starlette()
    app.state.resources = lambda: None
    app.state.resources.settings = settings_of(environment | {"MAIN_PUBLIC_URL": "https://slipbin.test"})
    request = HTTPConnection({"type": "http", "app": app, "headers": [(b"cookie", f"{OLD}=a".encode())]})
    assert session_cookie.session_token(request) == "a"

    monkeypatch.setattr(session_cookie, "OLD_NAME_ENDS_AT", session_cookie.OLD_NAME_ENDS_AT - timedelta(days=3650))

    assert session_cookie.session_token(request) == ""


def test_fast_path_leaves_readers_with_a_session_to_fastapi(
    caller: httpx.Client, https_user: User, session_token: str, environment: Environment
) -> None:
    """It can't tell whether they own the entry, whose own visits don't count."""
    caller.patch("/api/v1/users/me", json={"counts_own_visits": False}, headers=https_user.headers).raise_for_status()
    key = create_link(caller, headers=https_user.headers)["key"]
    # The first reader leaves a cached entry.
    cookies = ["a=b", f"{OLD}={session_token}", f"{NEW}={session_token}", "a=b"]

    assert {ask(caller, f"/{key}", cookie).status_code for cookie in cookies} == {302}

    with redis.Redis.from_url(environment["MAIN_REDIS_URL"], decode_responses=True) as valkey:
        assert len(streamed_visits(valkey, str(key))) == 2
