"""Accounts, sessions and tokens of the previous release and of this one, beside each other."""

import re
from uuid import uuid4

import asyncpg
import httpx

from tests.support.accounts import (
    PASSWORD,
    bearer,
    insert_account,
    is_signed_in,
    is_signed_in_on_pages,
    new_email,
    new_user,
    register_by_api,
    session_cookie_of,
    sign_in,
    token_in_email,
)
from tests.support.entries import create_link, create_paste
from tests.support.pages import BROWSER
from tests.support.web import WebServer


def test_user_signed_in_at_either_is_signed_in_at_the_other(giver: WebServer, taker: WebServer) -> None:
    user = new_user(giver.client)

    assert is_signed_in(taker.client, user.tokens["access_token"])
    renewed = taker.client.post("/api/v1/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]})
    assert renewed.status_code == 200, renewed.text
    assert is_signed_in(giver.client, renewed.json()["access_token"])
    private = create_paste(giver.client, headers=user.headers, visibility="private")
    assert taker.client.get(f"/api/v1/entries/{private['key']}", headers=user.headers).status_code == 200
    assert taker.client.post("/api/v1/auth/logout", headers=user.headers).status_code in (200, 204)
    assert not is_signed_in(giver.client, user.tokens["access_token"])


def open_form(client: httpx.Client, path: str) -> dict[str, str]:
    """What the form of a page carries for the previous release, in this release and in that."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path, headers=BROWSER).text)
    assert token
    return {"csrf_token": token[1]}


def test_session_cookie_and_open_form_of_either_are_good_for_the_other(giver: WebServer, taker: WebServer) -> None:
    with giver.new_client() as browser, taker.new_client() as after_the_upgrade:
        email = new_email()
        insert_account(giver.client, email)
        signed_in = open_form(browser, "/sign-in") | {"name": email, "password": PASSWORD}
        assert browser.post("/sign-in", data=signed_in, headers=BROWSER).status_code == 303
        page = browser.get("/settings", headers=BROWSER)
        form = open_form(browser, "/settings") | {"username": "u" + uuid4().hex[:12]}
        # So browsers send it over plain http.
        origin = "null" if page.headers["referrer-policy"] == "no-referrer" else taker.address
        after_the_upgrade.cookies = browser.cookies

        assert is_signed_in_on_pages(after_the_upgrade, session_cookie_of(browser))
        headers = BROWSER | {"Origin": origin}
        # The previous release answers with the page, this one leads to it.
        sent = after_the_upgrade.post("/settings/username", data=form, headers=headers, follow_redirects=True)
        assert (sent.status_code, form["username"] in sent.text) == (200, True)


async def test_link_in_an_email_of_either_is_good_for_the_other(
    giver: WebServer, taker: WebServer, database: asyncpg.Connection
) -> None:
    user = register_by_api(giver.client)

    token = await token_in_email(database, user.email, "confirm")
    assert taker.client.get(f"/api/v1/auth/verify/{token}").status_code == 200

    assert await database.fetchval("SELECT is_verified FROM account WHERE email = $1", user.email)


def test_account_of_either_signs_in_at_the_other(giver: WebServer, taker: WebServer) -> None:
    by_api = register_by_api(giver.client)
    email = new_email()
    insert_account(giver.client, email)

    for name in (by_api.email, by_api.username, email):
        assert is_signed_in(giver.client, sign_in(taker.client, name, PASSWORD)["access_token"])


def test_api_token_of_either_is_good_for_the_other(giver: WebServer, taker: WebServer) -> None:
    user = new_user(giver.client)
    made = giver.client.post("/api/v1/tokens", json={"name": "script"}, headers=user.headers)
    assert made.status_code == 201, made.text

    create_link(taker.client, headers=bearer(made.json()["token"]))

    mine = giver.client.get("/api/v1/entries", headers=user.headers).json()
    assert len(mine["items"]) == 1
