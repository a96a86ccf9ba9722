"""The page of an entry's statistics without a browser: who gets it, what stands on it, and that nothing on it runs."""

import re

import asyncpg
import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from main_service.app import create_app
from tests.browser.payloads import PAYLOADS
from tests.support.accounts import register_on_page, sign_in
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import BROWSER, OUR_SCRIPT, send_form, visible_text
from tests.support.settings import settings_of
from tests.support.statistics import INSERT_VALUE, insert_hour_counts
from tests.support.web import WebServer

ELEMENT = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)")
USUAL_ELEMENTS = {
    "a", "article", "bdi", "body", "button", "caption", "circle", "code", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "g", "h1", "h2", "head", "header", "html", "i", "img",
    "input", "kbd", "label", "li", "line", "link", "main", "meta", "nav", "p", "path", "rect", "script", "section",
    "span", "summary", "svg", "table", "tbody", "td", "text", "th", "thead", "time", "title", "tr", "ul",
}  # fmt: skip


@pytest.fixture
def owner_headers(client: httpx.Client) -> dict[str, str]:
    """The bearer header of the account that is signed in on pages as well."""
    names = register_on_page(client)
    return {"Authorization": f"Bearer {sign_in(client, names['email'])['access_token']}"}


async def count_now(database: asyncpg.Connection, key: str, *, people: int, bots: int = 0) -> None:
    hour = await database.fetchval("SELECT date_trunc('hour', now())")
    await insert_hour_counts(database, key, hour, people=people, bots=bots)


def page(client: httpx.Client, key: str, query: str = "", *, status: int = 200) -> httpx.Response:
    response = client.get(f"/{key}/stats{query}", headers=BROWSER)
    assert response.status_code == status, response.text
    return response


async def test_owner_sees_every_figure(
    client: httpx.Client, database: asyncpg.Connection, owner_headers: dict[str, str]
) -> None:
    key = create_link(client, headers=owner_headers, title="Newsletter")["key"]
    await count_now(database, key, people=1234, bots=56)
    day = await database.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    for dimension in ("country", "device", "browser", "os", "language", "referrer"):
        await database.execute(INSERT_VALUE, key, day, dimension, f"the-{dimension}", 900)
        await database.execute(INSERT_VALUE, key, day, dimension, "other", 334)

    shown = visible_text(page(client, key))

    assert "Newsletter" in shown
    assert "1,234" in shown
    assert "56" in shown
    for dimension in ("country", "device", "browser", "os", "language", "referrer"):
        assert f"the-{dimension}" in shown
    assert len(re.findall(r"\bOther\b", shown)) == 6
    assert shown.count("72.9 %") == 6
    assert "Only you see this" in shown


def test_others_are_redirected(client: httpx.Client, web: WebServer, owner_headers: dict[str, str]) -> None:
    owned = create_link(client, headers=owner_headers)["key"]
    private = create_paste(client, headers=owner_headers, visibility="private")["key"]
    with web.new_client() as other, web.new_client() as guest:
        register_on_page(other)
        page(other, owned, status=403)
        led = page(guest, owned, status=303)
        assert led.headers["location"] == f"/sign-in?next=/{owned}/stats"
        for visitor in (other, guest):
            page(visitor, private, status=404)
            page(visitor, "nothing-is-here", status=404)
    page(client, private)


def test_anyone_sees_the_page_if_its_owner_says_so(
    client: httpx.Client, web: WebServer, owner_headers: dict[str, str]
) -> None:
    key = create_link(client, headers=owner_headers)["key"]
    form = f"/{key}/manage/edit"
    unticked = {"original_url": "https://example.org/", "visibility": "unlisted", "title": ""}
    with web.new_client() as guest:
        assert send_form(client, form, form, **unticked, has_public_statistics="yes").status_code == 303
        assert 'value="yes" checked' in client.get(form, headers=BROWSER).text
        assert "Visible to anyone" in page(guest, key).text
        assert "/manage" not in page(guest, key).text
        assert send_form(client, form, form, **unticked).status_code == 303
        assert 'value="yes" checked' not in client.get(form, headers=BROWSER).text
        page(guest, key, status=303)


def test_form_that_is_refused_keeps_the_box_as_it_was_sent(client: httpx.Client, owner_headers: dict[str, str]) -> None:
    key = create_link(client, headers=owner_headers)["key"]
    form = f"/{key}/manage/edit"
    for sent, is_ticked in (({"has_public_statistics": "yes"}, True), ({}, False)):
        refused = send_form(client, form, form, original_url="nowhere", **sent)
        assert refused.status_code == 422
        assert ('value="yes" checked' in refused.text) is is_ticked
        change = {"has_public_statistics": is_ticked}
        client.patch(f"/api/v1/entries/{key}", json=change, headers=owner_headers).raise_for_status()


def test_guest_comes_by_the_manage_token(client: httpx.Client, web: WebServer) -> None:
    link = create_link(client)
    address = f"/{link['key']}/manage"

    led = page(client, link["key"], status=303)
    assert led.headers["location"] == f"{address}/stats"
    asked = client.get(f"{address}/stats", headers=BROWSER)
    assert (asked.status_code, "Manage token" in asked.text) == (200, True)
    assert send_form(client, address, address, token=link["manage_token"]).status_code == 303
    assert f'href="/{link["key"]}/stats"' in client.get(address, headers=BROWSER).text
    shown = client.get(f"{address}/stats", headers=BROWSER)
    assert (shown.status_code, "Visits by hour" in shown.text) == (200, True)
    assert f'href="{address}/stats?period=7d"' in shown.text
    with web.new_client() as stranger:
        stranger.cookies.set("slipbin_manage", "a" * 43, path=address)
        assert stranger.get(f"{address}/stats", headers=BROWSER).status_code == 403


async def test_owner_sees_what_has_ended(
    client: httpx.Client, database: asyncpg.Connection, web: WebServer, owner_headers: dict[str, str]
) -> None:
    key = create_link(client, headers=owner_headers)["key"]
    await count_now(database, key, people=7)
    client.delete(f"/api/v1/entries/{key}", headers=owner_headers).raise_for_status()

    shown = page(client, key).text

    assert "Ended" in shown
    assert "qr.svg" not in shown
    assert f"/{key}/manage" not in shown
    assert f'href="/{key}/stats"' in client.get("/profile?state=all", headers=BROWSER).text
    with web.new_client() as guest:
        page(guest, key, status=410)


def test_head_is_answered_as_get(client: httpx.Client, owner_headers: dict[str, str]) -> None:
    key = create_link(client, headers=owner_headers)["key"]

    assert client.head(f"/{key}/stats", headers=BROWSER).status_code == 200
    assert client.head(f"/{key}/manage/stats", headers=BROWSER).status_code == 200


@pytest.mark.parametrize("kind", PAYLOADS)
async def test_what_visitors_sent_makes_no_element_of_the_page(
    client: httpx.Client, database: asyncpg.Connection, kind: str
) -> None:
    link = create_link(client, title="<b>Title")
    day = await database.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    for dimension in ("country", "device", "browser", "os", "language", "referrer"):
        for payload in PAYLOADS[kind]:
            await database.execute(INSERT_VALUE, link["key"], day, dimension, payload.replace("\0", ""), 3)
    change = client.patch(
        f"/api/v1/entries/{link['key']}", json={"has_public_statistics": True}, headers=manage_headers(link)
    )
    assert change.status_code == 200

    shown = page(client, link["key"]).text

    assert set(ELEMENT.findall(shown)) <= USUAL_ELEMENTS
    assert re.findall(r"<script[^>]*>", shown) == re.findall(OUR_SCRIPT, shown)
    assert not re.search(r"<[^>]*\s(style|on\w+)=", shown)
    assert client.get(f"/api/v1/entries/{link['key']}/stats").json()["referrers"]


async def test_page_reads_its_entry_once(environment: Environment, client: httpx.Client) -> None:
    link = create_link(client)
    change = {"has_public_statistics": True}
    client.patch(f"/api/v1/entries/{link['key']}", json=change, headers=manage_headers(link)).raise_for_status()
    app = create_app(settings_of(environment | {"MAIN_FAST_PATH": "false"}))
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as visitor:
            response = await visitor.get(f"http://slipbin.test/{link['key']}/stats", headers=BROWSER)
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert response.status_code == 200
    assert len(re.findall(r"FROM entry\b", "\n".join(statements))) == 1


async def test_source_of_the_countries_is_named_unless_another_database_is_set(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, owner_headers: dict[str, str]
) -> None:
    key = create_link(client, headers=owner_headers)["key"]
    day = await database.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    await database.execute(INSERT_VALUE, key, day, "country", "NL", 900)

    shown = page(client, key)
    assert "IPFire Location of 25 June 2026, CC BY-SA 4.0" in " ".join(visible_text(shown).split())
    assert 'href="https://creativecommons.org/licenses/by-sa/4.0/"' in shown.text

    change = {"has_public_statistics": True}
    client.patch(f"/api/v1/entries/{key}", json=change, headers=owner_headers).raise_for_status()
    app = create_app(settings_of(environment | {"MAIN_FAST_PATH": "false", "MAIN_GEOIP_DB": "/own.mmdb"}))
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app)) as visitor:
        other = await visitor.get(f"http://slipbin.test/{key}/stats", headers=BROWSER)
    assert "Netherlands" in visible_text(other)
    assert "IPFire" not in other.text
