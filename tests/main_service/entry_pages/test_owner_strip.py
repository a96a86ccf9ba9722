"""The strip above an entry, for its owner and the browser that made it; to others nothing says that it is managed."""

import html
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
import redis

from tests.support.accounts import bearer, register_on_page, sign_in
from tests.support.entries import create_link, create_paste
from tests.support.limited_views import (
    SECRET_TARGET,
    SECRET_TEXT,
    SECRET_TITLE,
    limited_link,
    limited_paste,
    views_left,
)
from tests.support.pages import BROWSER, CURL, words
from tests.support.visits import streamed_visits
from tests.support.web import WebServer

FORGED = "A" * 43


def as_maker(entry: dict[str, Any], token: str | None = None) -> dict[str, str]:
    return BROWSER | {"Cookie": f"slipbin_manage={token or entry['manage_token']}"}


def url_of(entry: dict[str, Any]) -> str:
    return f"http://slipbin.test/{entry['key']}"


def strip_of(page: httpx.Response) -> dict[str, str]:
    """The attributes of the strip on the page; none: it has no strip."""
    assert page.status_code == 200, page.text
    strips = re.findall(r'<div class="strip"[^>]*>', page.text)
    assert len(strips) <= 1
    found = [each for strip in strips for each in re.findall(r'(data-\w+)(?:="([^"]*)")?', strip)]
    return {name: html.unescape(value) for name, value in found}


def quiet_lines(page: httpx.Response) -> int:
    """How often the page says that an entry may be managed."""
    return words(page).lower().count("manage")


def test_maker_of_a_paste_has_the_strip_and_strangers_one_quiet_line(client: httpx.Client) -> None:
    entry = create_paste(client, title='"><b>T & T')
    address = f"/{entry['key']}"

    shown = client.get(address, headers=as_maker(entry))

    strip = strip_of(shown)
    assert {name: strip.get(name) for name in ("data-key", "data-kind", "data-title", "data-url", "data-guest")} == {
        "data-key": entry["key"],
        "data-kind": "paste",
        "data-title": '"><b>T & T',
        "data-url": url_of(entry),
        "data-guest": "",
    }
    assert "data-counted" not in strip
    for name, field in (("data-created", "created_at"), ("data-ends", "expires_at")):
        assert datetime.fromisoformat(strip[name]) == datetime.fromisoformat(entry[field])
    assert f'value="{url_of(entry)}/manage#{entry["manage_token"]}"' in shown.text
    assert shown.headers["cache-control"] == "private, no-store"
    for stranger in (client.get(address, headers=BROWSER), client.get(address, headers=as_maker(entry, FORGED))):
        assert strip_of(stranger) == {}
        assert entry["manage_token"] not in stranger.text
        assert quiet_lines(stranger) == 1
        assert "Yours? Manage it" in words(stranger)


def test_maker_of_a_link_has_the_strip_on_its_preview(client: httpx.Client) -> None:
    entry = create_link(client)

    shown = client.get(f"/{entry['key']}+", headers=as_maker(entry))

    assert (strip_of(shown)["data-kind"], strip_of(shown)["data-url"]) == ("link", url_of(entry))
    assert strip_of(shown)["data-title"] == entry["original_url"].removeprefix("https://").removesuffix("/"), (
        "it has no other name"
    )
    assert f'value="{url_of(entry)}/manage#{entry["manage_token"]}"' in shown.text
    stranger = client.get(f"/{entry['key']}+", headers=as_maker(entry, FORGED))
    assert (strip_of(stranger), quiet_lines(stranger)) == ({}, 1)


@pytest.mark.parametrize("create", [limited_paste, limited_link])
def test_maker_is_asked_before_a_view_is_spent_below_the_strip(
    client: httpx.Client, create: Callable[..., dict[str, Any]]
) -> None:
    entry = create(client, views=2)
    page = f"/{entry['key']}" if entry["kind"] == "paste" else f"/{entry['key']}+"

    asked = client.get(page, headers=as_maker(entry) | CURL)

    assert strip_of(asked).keys() >= {"data-counted", "data-guest"}
    assert "data-title" not in strip_of(asked)
    assert not any(secret in asked.text for secret in (SECRET_TITLE, SECRET_TEXT, SECRET_TARGET))
    assert "can be " in words(asked)
    assert views_left(client, entry) == 2
    assert (strip_of(client.get(page, headers=BROWSER)), quiet_lines(client.get(page, headers=BROWSER))) == ({}, 1)


def test_view_of_its_maker_is_spent_and_is_no_visit(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    entry = limited_paste(client, views=3)
    reveal = f"/{entry['key']}/reveal"

    def open_it(headers: dict[str, str]) -> httpx.Response:
        return client.post(reveal, data={"other": ""}, headers=headers)

    shown = open_it(as_maker(entry))
    assert (SECRET_TEXT in shown.text, views_left(client, entry)) == (True, 2)
    assert "data-title" not in strip_of(shown)
    assert len(streamed_visits(valkey, entry["key"])) == 0
    open_it(as_maker(entry, FORGED))
    assert len(streamed_visits(valkey, entry["key"])) == 1
    last = open_it(as_maker(entry))
    assert ("This was the last view" in words(last), strip_of(last), quiet_lines(last)) == (True, {}, 0)
    assert len(streamed_visits(valkey, entry["key"])) == 1


def test_makers_look_is_no_visit_and_all_else_is(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    paste, link = create_paste(client, text="# A\n", syntax="markdown"), create_link(client)

    def visits(entry: dict[str, Any], path: str = "", *, token: str | None = None, accept: str = "text/html") -> int:
        before = len(streamed_visits(valkey, entry["key"]))
        answer = client.get(f"/{entry['key']}{path}", headers=as_maker(entry, token) | {"Accept": accept})
        assert answer.status_code in (200, 302)
        return len(streamed_visits(valkey, entry["key"])) - before

    assert [visits(paste, path) for path in ("", "?view=code", "?view=preview", "?lang=python", ".py")] == [0] * 5
    # What a cookie that opens nothing would hide from the owner could be anyone's.
    assert [visits(paste, path, token=FORGED) for path in ("", "?view=code", "?lang=python")] == [1] * 3
    assert visits(paste, accept="*/*") == visits(paste, "/raw") == visits(paste, "/download") == 1
    assert visits(link) == visits(link) == 1, "a redirect doesn't look at the cookie"
    assert visits(link, "+") == 0


def test_owner_who_comes_from_a_page_of_ours_visits_nothing(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    """The form that makes a paste leads to it."""
    headers = bearer(sign_in(client, register_on_page(client)["email"])["access_token"])
    key, guests = create_paste(client, headers=headers)["key"], create_paste(client)["key"]
    ours = f"{str(client.base_url).rstrip('/')}/profile"

    def visits(key: str, **headers: str) -> int:
        before = len(streamed_visits(valkey, key))
        sent = BROWSER | {name.replace("_", "-"): value for name, value in headers.items()}
        assert client.get(f"/{key}", headers=sent).status_code == 200
        return len(streamed_visits(valkey, key)) - before

    assert visits(key, Sec_Fetch_Site="same-origin") == visits(key, Referer=ours) == 0
    for elsewhere in ({}, {"Sec_Fetch_Site": "none"}, {"Sec_Fetch_Site": "cross-site", "Referer": ours}):
        assert visits(key, **elsewhere) == 1
    for referrer in ("http://forum.test/", f"http://forum.test/{ours}", "", "://", ours.replace("://", "://x.")):
        assert visits(key, Referer=referrer) == 1
    assert visits(guests, Sec_Fetch_Site="same-origin") == visits(guests, Referer=ours) == 1


def test_owner_has_the_strip_without_a_manage_link(client: httpx.Client, web: WebServer) -> None:
    email = register_on_page(client)["email"]
    headers = bearer(sign_in(client, email)["access_token"])
    private = create_paste(client, headers=headers, visibility="private", expires_in="never")
    link = create_link(client, headers=headers)

    for page in (f"/{private['key']}", f"/{link['key']}+"):
        shown = client.get(page, headers=BROWSER)
        strip = strip_of(shown)
        assert strip
        assert "data-guest" not in strip
        assert "/manage#" not in shown.text.replace("/manage#expiry", "")
    assert "data-ends" not in strip_of(client.get(f"/{private['key']}", headers=BROWSER))
    with web.new_client() as stranger:
        shown = stranger.get(f"/{link['key']}+", headers=BROWSER)
        assert (strip_of(shown), quiet_lines(shown)) == ({}, 0)


def test_claimed_entry_is_no_longer_that_of_the_browser_that_made_it(
    client: httpx.Client, web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    entry = create_paste(client)
    register_on_page(client)
    client.post(f"/{entry['key']}/manage", data={"token": entry["manage_token"]}, headers=BROWSER)
    assert client.post(f"/{entry['key']}/manage/claim", data={"other": ""}, headers=BROWSER).status_code == 303

    assert strip_of(client.get(f"/{entry['key']}", headers=BROWSER))
    with web.new_client() as left_behind:
        shown = left_behind.get(f"/{entry['key']}", headers=as_maker(entry))
        assert (strip_of(shown), quiet_lines(shown)) == ({}, 0)
        assert len(streamed_visits(valkey, entry["key"])) == 1 + 1, "and the owner's, who has not chosen otherwise"
        assert left_behind.get(f"/{entry['key']}/manage", headers=as_maker(entry)).status_code == 303


def test_makers_page_is_sent_as_it_is(client: httpx.Client) -> None:
    """Compressed, its length would tell another site of the manage token."""
    entry = create_paste(client, text="a long line\n" * 400)
    encodings = {"Accept-Encoding": "gzip, zstd"}

    assert "content-encoding" not in client.get(f"/{entry['key']}", headers=as_maker(entry) | encodings).headers
    assert "content-encoding" in client.get(f"/{entry['key']}", headers=BROWSER | encodings).headers
