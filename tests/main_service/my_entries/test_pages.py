"""The page of one's own entries, as a browser without JavaScript uses it."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

import asyncpg
import httpx
import pytest

from main_service.errors import ForeignOriginError
from tests.support.accounts import User, account_id_of, new_user, register_on_page, session_cookie_of, sign_in
from tests.support.collections import insert_collection
from tests.support.entries import (
    ago,
    delete_entry,
    expire_entry,
    insert_many_entries,
    list_entry_keys,
    owned_link,
    owned_paste,
)
from tests.support.pages import BROWSER, FOREIGN, send_urlencoded_form, visible_text
from tests.support.statistics import insert_hour_counts
from tests.support.web import WebServer


@dataclass(frozen=True)
class Owner:
    """A user signed in on pages and through the API."""

    browser: httpx.Client
    user: User


@pytest.fixture
def owner(client: httpx.Client, web: WebServer) -> Owner:
    account = register_on_page(client)
    email, username = account["email"], account["username"]
    return Owner(client, User(email, username, sign_in(web.client, email)))


def open_page(owner: Owner, query: str = "") -> httpx.Response:
    page = owner.browser.get(f"/profile{query}", headers=BROWSER)
    assert page.status_code == 200, page.text
    return page


def shown(page: httpx.Response) -> list[str]:
    """Keys of the entries on a page, in order."""
    return re.findall(r"</?b>([\w-]+)</b>", page.text)


def address_of(page: httpx.Response, label: str) -> str | None:
    link = re.search(rf'href="([^"]+)"[^>]*>{label}<', page.text)
    return link and link[1].replace("&amp;", "&")


def send_selected(owner: Owner, page: str, *keys: str, **fields: str) -> httpx.Response:
    """Open a page, tick boxes and press *Delete selected*."""
    opened = owner.browser.get(page, headers=BROWSER)
    view = re.search(r'name="view" value="([^"]*)"', opened.text)
    parts = {"view": view[1].replace("&amp;", "&") if view else "", **fields}
    return owner.browser.post("/profile/delete", data={**parts, "keys": list(keys)}, headers=BROWSER)


def test_guest_is_led_to_sign_in_and_back(client: httpx.Client) -> None:
    for path in ("/profile", "/profile?q=a&state=all", "/profile/export.csv", "/profile/export.jsonl"):
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=/profile")


async def test_page_knows_no_user_by_token_and_no_disabled_one(owner: Owner, database: asyncpg.Connection) -> None:
    guest = httpx.get(
        f"{owner.browser.base_url}/profile", headers=BROWSER | owner.user.headers, trust_env=False, timeout=60
    )
    assert guest.status_code == 303
    only_cookie = {"Cookie": f"slipbin_session={session_cookie_of(owner.browser)}"}
    api = httpx.get(f"{owner.browser.base_url}/api/v1/entries", headers=only_cookie, trust_env=False, timeout=60)
    assert api.status_code == 401
    await database.execute("UPDATE account SET is_active = false WHERE lower(email) = $1", owner.user.email)
    for path in ("/profile", "/profile/export.csv"):
        assert owner.browser.get(path, headers=BROWSER).status_code == 303
    assert owner.browser.post("/profile/delete", data={"keys": "abc"}, headers=BROWSER).status_code == 303


def test_page_shows_my_live_entries_and_their_ways_on(owner: Owner, web: WebServer) -> None:
    link = owned_link(web.client, owner.user, title="Road & map", original_url="https://example.org/a?b", views=2)
    paste = owned_paste(web.client, owner.user, expires_in="never", visibility="private")
    ended = owned_paste(web.client, owner.user, title="Gone")
    delete_entry(web.client, owner.user, ended)
    theirs = owned_paste(web.client, new_user(web.client))

    page = open_page(owner)

    assert shown(page) == [paste, link]
    assert theirs not in page.text
    assert f'href="/{link}+"' in page.text
    assert f'href="/{paste}"' in page.text
    assert f'href="/{paste}/manage"' in page.text
    assert f'href="/{paste}/edit"' in page.text
    assert f'data-link="http://slipbin.test/{paste}"' in page.text
    assert f'href="/{paste}/qr.svg"' in page.text
    text = visible_text(page)
    for expected in ("Road & map", "example.org", "2 views left", "10 bytes", "never", "Private"):
        assert expected in text
    everything = open_page(owner, "?state=all")
    assert shown(everything) == [ended, paste, link]
    assert "Deleted" in visible_text(everything)
    assert re.findall(f'href="(/{ended}[^"]*)"', everything.text) == [f"/{ended}/stats"]
    assert f'value="{ended}"' not in everything.text, "what has ended can't be selected"


async def test_filters_search_and_sort_are_an_address_and_stay_in_the_form(
    owner: Owner, web: WebServer, database: asyncpg.Connection
) -> None:
    b = owned_link(web.client, owner.user, title="Bridges 100%", visibility="public")
    a = owned_paste(web.client, owner.user, title="Alps 100 %", visibility="public")
    assert 'name="collection"' not in open_page(owner).text
    collection = await insert_collection(database, account_id_of(web.client, owner.user), b, name="<Trips>")

    assert shown(open_page(owner, "?q=&kind=&state=live&visibility=public&sort=title")) == [a, b]
    assert shown(open_page(owner, "?sort=-title")) == [b, a]
    assert shown(open_page(owner, "?q=100%25")) == [b]
    assert shown(open_page(owner, "?kind=paste&utm_source=x")) == [a]
    filtered = open_page(owner, f"?collection={collection}&q=bRIDGE")
    assert shown(filtered) == [b]
    assert 'value="bRIDGE"' in filtered.text
    assert f'<option value="{collection}" selected>&lt;Trips&gt;</option>' in filtered.text


def chips(page: httpx.Response) -> dict[str, str]:
    """The addresses of the chips by their labels; that of the current one is empty."""
    found = re.findall(r'class="chip" href="([^"]+)"( aria-current=true)?>([^<]+)<', page.text)
    return {label: "" if current else path.replace("&amp;", "&") for path, current, label in found}


async def test_chips_show_live_entries_of_one_sort_and_keep_the_search(
    owner: Owner, web: WebServer, database: asyncpg.Connection
) -> None:
    link = owned_link(web.client, owner.user, title="Trip by train", expires_in="never")
    secret = owned_paste(web.client, owner.user, title="Trip secrets", visibility="private", expires_in="2d")
    paste = owned_paste(web.client, owner.user, title="Trip", expires_in="1h")
    owned_link(web.client, owner.user, title="Other")
    over = owned_paste(web.client, owner.user, title="Trip of last year", visibility="private")
    await expire_entry(database, over)

    page = open_page(owner, "?q=trip")

    assert list(chips(page)) == ["Live", "Links", "Pastes", "Private", "Expiring soon"]
    expected = {
        "Live": [paste, secret, link],
        "Links": [link],
        "Pastes": [paste, secret],
        "Private": [secret],
        "Expiring soon": [paste, secret],
    }
    for label, keys in expected.items():
        chosen = owner.browser.get(chips(page)[label] or "/profile?q=trip", headers=BROWSER)
        assert shown(chosen) == keys, label
        assert [name for name, path in chips(chosen).items() if not path] == [label]
        assert 'value="trip"' in chosen.text
        assert chips(chosen)["Live"] in ("", "/profile?q=trip")
    assert not [name for name, path in chips(open_page(owner, "?kind=link&visibility=public")).items() if not path]


def test_search_finds_a_key_and_a_link_of_ours_too(owner: Owner, web: WebServer) -> None:
    paste = owned_paste(web.client, owner.user, title="Notes")
    link = owned_link(web.client, owner.user, title=f"On {paste}")
    theirs = owned_paste(web.client, new_user(web.client))

    assert shown(open_page(owner, f"?q={paste}")) == [link, paste]
    assert shown(open_page(owner, f"?q=http://slipbin.test/{paste}&kind=paste")) == [paste]
    assert shown(open_page(owner, f"?q=+http://slipbin.test/{link}%2B")) == [link]
    assert shown(open_page(owner, f"?q={theirs}")) == []


async def test_visits_of_the_last_two_weeks_are_drawn_beside_the_sum_of_all(
    owner: Owner, web: WebServer, database: asyncpg.Connection
) -> None:
    visited, long_ago = (owned_paste(web.client, owner.user, title=title) for title in ("Visited", "Long ago"))
    for key, at, people in ((visited, ago(days=13), 1230), (visited, ago(), 4), (long_ago, ago(days=15), 1)):
        hour = at.replace(minute=0, second=0, microsecond=0)
        await insert_hour_counts(database, key, hour, people=people)

    page = open_page(owner)

    assert 'aria-label="1,234 views, 1,234 in the last 14 days: statistics of Visited"' in page.text
    assert 'aria-label="1 view, 0 in the last 14 days: statistics of Long ago"' in page.text
    assert len(re.findall('class="icon spark"', page.text)) == 1


def test_button_of_a_row_asks_about_that_one_alone(owner: Owner, web: WebServer) -> None:
    first, second = (owned_paste(web.client, owner.user, title=title) for title in ("First", "Second"))
    page = open_page(owner, "?sort=title")

    button = re.search(rf'<button[^>]*form="(\w+)"[^>]*value="{second}"', page.text)
    assert button is not None
    form = re.search(
        rf'<form id="{button[1]}" method="post" action="/profile/delete">(.*?)</form>', page.text, re.DOTALL
    )
    assert form is not None
    assert 'value="sort=title"' in form[1]
    asked = send_selected(owner, "/profile?sort=title", second)
    assert "Delete 1 slip?" in visible_text(asked)
    assert first not in asked.text


def test_link_without_a_title_is_asked_about_by_where_it_leads(owner: Owner, web: WebServer) -> None:
    link = owned_link(web.client, owner.user, original_url="https://example.org/a?b")

    asked = send_selected(owner, "/profile", link)

    assert f"<strong>example.org</strong>/a?b</bdi>: <code>{link}</code>" in asked.text


def test_where_nothing_is_the_page_leads_on(owner: Owner, web: WebServer) -> None:
    assert "You have no slips yet" in visible_text(open_page(owner))
    key = owned_paste(web.client, owner.user)
    assert "Nothing matches" in visible_text(open_page(owner, "?q=no-such-thing"))
    delete_entry(web.client, owner.user, key)
    nothing_live = open_page(owner)
    assert "You have no live slips" in visible_text(nothing_live)
    assert shown(owner.browser.get(address_of(nothing_live, "Show ended ones") or "", headers=BROWSER)) == [key]


HOSTILE = (
    ("q=%00", 422),
    ("q=" + "a" * 201, 422),
    ("kind=file", 422),
    ("sort=size", 422),
    ("cursor=x", 422),
    ("collection=no such", 404),
    ("collection=5f3c6a52-0000-4000-8000-000000000000", 404),
    ("q=%FF", 200),
    ("limit=100000", 200),
    ("q=%25_%5C", 200),
    ("q=" + "%F0%9F%98%80" * 200, 200),
    ("q=" + "a" * 10_240, 422),
    ("state=soon&sort=title&visibility=private", 200),
    ("state=sooner", 422),
    ("deleted=<script>", 200),
    ("deleted=-1", 200),
)


def test_hostile_query_is_a_page_that_says_so(owner: Owner, web: WebServer) -> None:
    owned_paste(web.client, owner.user)

    for query, status in HOSTILE:
        page = owner.browser.get(f"/profile?{query}", headers=BROWSER)

        assert page.status_code == status, query
        assert "<h1>My slips</h1>" in page.text
        assert ("needs your attention" in page.text) == (status != 200)


async def test_pages_go_on_and_back_to_the_first_with_all_filters(
    owner: Owner, web: WebServer, database: asyncpg.Connection
) -> None:
    await insert_many_entries(database, account_id_of(web.client, owner.user), 250)
    expected = list_entry_keys(web.client, owner.user, q="OTES", state="live", sort="title", limit=100)

    page = open_page(owner, "?q=OTES&sort=title")
    keys = shown(page)
    assert address_of(page, "First page") is None
    while address := address_of(page, "Next"):
        page = owner.browser.get(address, headers=BROWSER)
        keys += shown(page)

    assert keys == expected
    assert len(keys) > 50
    first = address_of(page, "First page")
    assert first is not None
    assert dict(parse_qsl(first.partition("?")[2])) == {"q": "OTES", "sort": "title"}


def test_delete_asks_first_then_says_how_many_and_keeps_the_filters(owner: Owner, web: WebServer) -> None:
    keys = [owned_link(web.client, owner.user, title=f"Trip {n}") for n in range(3)]

    asked = send_selected(owner, "/profile?q=trip&sort=title", *keys[:2])

    assert asked.status_code == 200
    assert "Delete 2 slips?" in visible_text(asked)
    assert "Trip 0" in visible_text(asked)
    assert address_of(asked, "Cancel") == "/profile?q=trip&sort=title"
    assert len(list_entry_keys(web.client, owner.user, state="live")) == 3, "nothing is deleted yet"
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked.text.partition("<article")[2])
    form: dict[str, list[str]] = {}
    for name, value in fields:
        form.setdefault(name, []).append(value.replace("&amp;", "&"))
    answer = owner.browser.post("/profile/delete", data=form, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/profile?q=trip&sort=title&deleted=2")
    done = owner.browser.get(answer.headers["location"], headers=BROWSER)
    assert "2 slips deleted" in visible_text(done)
    assert 'name="view" value="q=trip&amp;sort=title"' in done.text, "what is done next says nothing of it"
    assert shown(done) == [keys[2]]
    assert 'value="trip"' in done.text
    assert web.client.get(f"/{keys[0]}").status_code == 410
    again = owner.browser.post("/profile/delete", data=form, headers=BROWSER, follow_redirects=True)
    assert "Nothing was deleted" in visible_text(again)
    assert owner.browser.get("/profile/delete", headers=BROWSER).headers["location"] == "/profile"


def test_others_entries_cannot_be_deleted_through_the_page(owner: Owner, web: WebServer) -> None:
    other = new_user(web.client)
    theirs, guests = owned_paste(web.client, other), web.client.post("/api/v1/pastes", json={"text": "a"}).json()["key"]
    mine = owned_paste(web.client, owner.user)

    asked = send_selected(owner, "/profile", theirs, guests, mine)
    assert "Delete 1 slip?" in visible_text(asked)
    assert theirs not in asked.text
    done = send_selected(owner, "/profile", theirs, guests, mine, confirm="yes")

    assert done.headers["location"] == "/profile?deleted=1"
    assert "1 slip deleted" in visible_text(open_page(owner, "?deleted=1"))
    for key in (theirs, guests):
        assert web.client.get(f"/{key}").status_code == 200


def test_form_from_elsewhere_or_with_nothing_in_it_deletes_nothing(owner: Owner, web: WebServer) -> None:
    key = owned_paste(web.client, owner.user)

    def post(headers: dict[str, str], **fields: str) -> httpx.Response:
        body = {"keys": key, "confirm": "yes", **fields}
        return owner.browser.post("/profile/delete", data=body, headers=BROWSER | headers)

    for foreign in FOREIGN:
        answer = post(foreign)
        assert answer.status_code == 403
        assert ForeignOriginError.message.removesuffix(".") in visible_text(answer)
    nothing = post({}, keys="\0")
    assert nothing.status_code == 422
    assert "Select the entries to delete first" in visible_text(nothing)
    assert list_entry_keys(web.client, owner.user, state="live") == [key]


def test_view_that_was_tampered_with_leads_nowhere_else(owner: Owner, web: WebServer) -> None:
    key = owned_paste(web.client, owner.user)

    for view in ("//evil.example", "x" * 4000, "&".join("a=b" for _ in range(50)), "q=%00", '"><script>'):
        asked = send_selected(owner, "/profile", key, view=view)
        assert asked.status_code == 200
        assert (address_of(asked, "Cancel") or "").startswith("/profile")
        assert "<script>" not in asked.text


def test_exports_of_the_page_are_those_of_the_api(owner: Owner, web: WebServer) -> None:
    key = owned_paste(web.client, owner.user, title="=1+1")

    for name in ("csv", "jsonl"):
        download = owner.browser.get(f"/profile/export.{name}", headers=BROWSER)
        same = web.client.get("/api/v1/entries/export", params={"format": name}, headers=owner.user.headers)
        assert download.content == same.content
        assert key in download.text
        assert download.headers["content-disposition"] == same.headers["content-disposition"]


def test_menu_signs_out(owner: Owner) -> None:
    assert send_urlencoded_form(owner.browser, "/profile", "/sign-out").headers["location"] == "/"
    assert owner.browser.get("/profile", headers=BROWSER).status_code == 303
