"""Registering, signing in and signing out on pages, as a browser without JavaScript does it."""

import re

import asyncpg
import httpx
import pytest

from main_service.accounts.sign_in_limits import PER_NAME
from tests.support.accounts import (
    PASSWORD,
    SESSION_COOKIE,
    bearer,
    is_signed_in,
    is_signed_in_on_pages,
    new_email,
    new_user,
    new_username,
    register_on_page,
    session_cookie_of,
    sign_in,
    sign_in_on_page,
)
from tests.support.pages import BROWSER, FOREIGN, created_key, send_urlencoded_form, visible_text
from tests.support.web import WebServer


def test_wrong_name_and_wrong_password_show_the_form_again_alike(client: httpx.Client) -> None:
    user = new_user(client)
    names = (user.email, new_email())

    answers = [sign_in_on_page(client, name, "Wrong-pass1", next="/settings") for name in names]

    for answer, name in zip(answers, names, strict=True):
        assert (answer.status_code, SESSION_COOKIE in client.cookies) == (401, False)
        assert "Wrong email, username or password" in visible_text(answer)
        assert f'name="name" value="{name}"' in answer.text
        assert 'name="next" value="/settings"' in answer.text
        assert "Wrong-pass1" not in answer.text
    assert answers[0].text.replace(names[0], names[1]) == answers[1].text


@pytest.mark.parametrize("name", ["nul\0", "line\nend", "x" * 255])
def test_malformed_name_is_refused_at_its_field(client: httpx.Client, name: str) -> None:
    answer = sign_in_on_page(client, name)

    assert (answer.status_code, 'id="name-error"' in answer.text) == (422, True)


def test_too_many_failures_on_the_page_are_a_429_that_says_when(proxied: WebServer) -> None:
    name = new_username()

    with proxied.new_client() as client:
        client.headers["X-Forwarded-For"] = "203.0.113.200"
        answers = [sign_in_on_page(client, name, "Wrong-pass1") for _ in range(PER_NAME.amount + 1)]

    assert [answer.status_code for answer in answers] == [401] * PER_NAME.amount + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= PER_NAME.seconds
    assert f'value="{name}"' in answers[-1].text


def test_page_that_needs_an_account_leads_to_signing_in_and_back(client: httpx.Client) -> None:
    user = new_user(client)

    led = client.get("/settings?a=b%20c&d=1", headers=BROWSER)

    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=/settings%3Fa%3Db%2520c%26d%3D1")
    form = client.get(led.headers["location"], headers=BROWSER)
    fields = {"name": user.email, "password": PASSWORD}
    back = re.search(r'name="next" value="([^"]+)"', form.text)[1].replace("&amp;", "&")
    assert back == "/settings?a=b%20c&d=1"
    answer = client.post("/sign-in", data={**fields, "next": back}, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    assert client.get(answer.headers["location"], headers=BROWSER).status_code == 200
    program = client.get("/settings", headers={"Cookie": f"{SESSION_COOKIE}=x"})
    assert (program.status_code, program.json()["code"]) == (401, "sign_in_required")


def test_form_sent_after_the_session_ended_leads_back_to_its_page(client: httpx.Client) -> None:
    answer = client.post("/settings/password", data={"password": "x"}, headers=BROWSER)

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/settings")


@pytest.mark.parametrize(
    "address", ["//evil.test", "/\\evil.test", "https://evil.test/", "/%2f/evil.test", "/\t/evil.test", "/shortlink"]
)
def test_signing_in_leads_to_no_foreign_page(client: httpx.Client, address: str) -> None:
    user = new_user(client)

    form = client.get("/sign-in", params={"next": address}, headers=BROWSER)
    assert 'name="next" value="/profile"' in form.text
    answer = sign_in_on_page(client, user.email, next=address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/profile")
    signed_in = client.get("/sign-in", params={"next": address}, headers=BROWSER)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/profile")


def test_signed_in_user_is_led_on_from_registering_and_signing_in(client: httpx.Client) -> None:
    register_on_page(client)

    for page in ("/sign-in", "/register"):
        answer = client.get(page, headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/profile")


def test_each_signing_in_begins_a_session_and_ends_the_one_before(client: httpx.Client) -> None:
    user = new_user(client)
    sign_in_on_page(client, user.email)
    first = session_cookie_of(client)

    # The sign-in form is not shown to signed-in users, but can be sent.
    fields = {"name": user.email, "password": PASSWORD}
    assert client.post("/sign-in", data=fields, headers=BROWSER).status_code == 303

    assert session_cookie_of(client) != first
    assert is_signed_in_on_pages(client)
    assert not is_signed_in_on_pages(client, first)


def test_cookie_planted_before_signing_in_is_never_the_session(client: httpx.Client, web: WebServer) -> None:
    victim = new_user(client)
    with web.new_client() as thief:
        register_on_page(thief)
        planted = session_cookie_of(thief)
    for cookie in (planted, "planted"):
        with web.new_client() as browser:
            browser.cookies.set(SESSION_COOKIE, cookie, domain=browser.base_url.host, path="/")
            fields = {"name": victim.email, "password": PASSWORD}
            assert browser.post("/sign-in", data=fields, headers=BROWSER).status_code == 303
            kept = [it.value for it in browser.cookies.jar if it.name == SESSION_COOKIE]
            assert cookie not in kept
            assert victim.email in browser.get("/settings", headers=BROWSER).text
        assert not is_signed_in_on_pages(client, cookie)


def test_signing_out_ends_the_session_and_clears_the_cookie(client: httpx.Client) -> None:
    user = register_on_page(client)
    session = session_cookie_of(client)
    elsewhere = sign_in(client, user["email"])

    answer = send_urlencoded_form(client, "/settings", "/sign-out")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["clear-site-data"] == '"storage"'
    assert SESSION_COOKIE not in client.cookies
    assert not is_signed_in_on_pages(client, session)
    assert is_signed_in(client, elsewhere["access_token"]), "only one session was signed out of"
    again = client.post("/sign-out", headers=BROWSER)
    assert (again.status_code, "set-cookie" in again.headers) == (303, False)
    assert "clear-site-data" not in again.headers, "what a guest keeps is theirs"


def test_api_knows_no_user_by_a_cookie_and_pages_none_by_a_token(client: httpx.Client) -> None:
    user = register_on_page(client)
    session = session_cookie_of(client)
    tokens = sign_in(client, user["email"])
    api_token = client.post("/api/v1/tokens", json={"name": "x"}, headers=bearer(tokens["access_token"])).json()

    assert client.get("/api/v1/auth/whoami").json() == {"authenticated": False, "user": None}
    assert client.get("/api/v1/users/me").status_code == 401
    assert not is_signed_in(client, session), "what a cookie holds is no access token"
    client.cookies.clear()
    for token in (tokens["access_token"], api_token["token"], session):
        led = client.get("/settings", headers=BROWSER | bearer(token))
        assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=/settings")
    for token in (tokens["access_token"], tokens["refresh_token"], api_token["token"]):
        assert not is_signed_in_on_pages(client, token)


async def test_session_of_an_account_that_was_disabled_or_deleted_is_over(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    for change in ("is_active = false", "left_at = now()"):
        client.cookies.clear()
        user = register_on_page(client)
        await database.execute(f"UPDATE account SET {change} WHERE email = $1", user["email"])

        assert not is_signed_in_on_pages(client)
        led = client.post("/settings/username", data={"username": "x"}, headers=BROWSER)
        assert (led.status_code, "clear-site-data" in led.headers) == (303, False), "drafts survive a lost session"
        assert SESSION_COOKIE not in client.cookies, "pages would go on to show a user as signed in"


def test_signing_out_everywhere_by_the_api_ends_sessions_of_browsers(client: httpx.Client) -> None:
    user = register_on_page(client)

    client.post("/api/v1/auth/logout-everywhere", headers=bearer(sign_in(client, user["email"])["access_token"]))

    assert not is_signed_in_on_pages(client)


def test_form_from_before_signing_in_or_out_counts_for_who_sends_it(client: httpx.Client) -> None:
    user = new_user(client)
    form_id = re.search(r'name="form_id" value="([^"]+)"', client.get("/", headers=BROWSER).text)[1]

    def send_link() -> str:
        fields = {"form_id": form_id, "original_url": "https://example.org/kept"}
        return created_key(client.post("/links", data=fields, headers=BROWSER))

    sign_in_on_page(client, user.email)
    owned = send_link()
    assert send_link() == owned, "sent twice by the same user, it is one entry"
    send_urlencoded_form(client, "/settings", "/sign-out")
    assert send_link() != owned
    mine = client.get("/api/v1/entries", headers=user.headers).json()["items"]
    assert [entry["key"] for entry in mine] == [owned]


def test_no_form_of_another_site_signs_in_or_out(client: httpx.Client, web: WebServer) -> None:
    with web.new_client() as guest:
        user = new_user(guest)
        for foreign in FOREIGN:
            fields = {"name": user.email, "password": PASSWORD, "email": new_email()}
            for address in ("/sign-in", "/register"):
                refused = guest.post(address, data=fields, headers=BROWSER | foreign)
                assert (refused.status_code, SESSION_COOKIE in guest.cookies) == (403, False)

    register_on_page(client)
    assert client.post("/sign-out", headers=BROWSER).status_code == 422
    for foreign in FOREIGN:
        assert client.post("/sign-out", data={"other": ""}, headers=BROWSER | foreign).status_code == 403
    assert is_signed_in_on_pages(client)


def test_site_shows_the_way_in_or_to_ones_entries(client: httpx.Client) -> None:
    for page in ("/", "/nothing-is-here"):
        assert ">Sign in</a>" in client.get(page, headers=BROWSER).text
    register_on_page(client)
    for page in ("/", "/nothing-is-here"):
        assert ">My slips</a>" in client.get(page, headers=BROWSER).text


def test_session_that_is_over_is_forgotten_where_one_signs_in(client: httpx.Client) -> None:
    user = new_user(client)
    client.cookies.set(SESSION_COOKIE, "over", domain=httpx.URL(client.base_url).host, path="/")

    form = client.get("/sign-in", headers=BROWSER)

    assert (form.status_code, ">Sign in</a>" in form.text, SESSION_COOKIE in client.cookies) == (200, True, False)
    fields = {"name": user.email, "password": PASSWORD}
    assert client.post("/sign-in", data=fields, headers=BROWSER).status_code == 303
