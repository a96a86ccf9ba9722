"""The cookies by which a browser manages a guest's entry: where they go, for how long, and what they open."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.accounts import new_user, register_on_page
from tests.support.entries import create_link, create_paste, expire_entry, new_alias
from tests.support.pages import BROWSER, FOREIGN, created_key, send_form, visible_text
from tests.support.web import WebServer

COOKIE = "slipbin_manage"
DAY = 24 * 3600


def cookies_set(answer: httpx.Response) -> dict[str, "Morsel[str]"]:
    """The manage cookies that an answer sets, by their paths."""
    found = {}
    for header in answer.headers.get_list("set-cookie"):
        for cookie in SimpleCookie(header).values():
            if cookie.key == COOKIE:
                found[cookie["path"]] = cookie
    return found


def carried(entry: dict[str, Any], *, value: str | None = None) -> dict[str, str]:
    """The headers of a browser with a manage cookie, without a jar that knows of paths."""
    return BROWSER | {"Cookie": f"{COOKIE}={value or entry['manage_token']}"}


@pytest.mark.parametrize("alias", ["", "abc", "Alias-_9"])
@pytest.mark.parametrize(
    ("address", "fields"), [("/pastes", {"text": "a"}), ("/links", {"original_url": "https://example.org/"})]
)
def test_browser_that_makes_an_entry_gets_a_cookie_for_its_page_and_one_for_its_preview(
    client: httpx.Client, address: str, fields: dict[str, str], alias: str
) -> None:
    named = {"alias": f"{alias}{new_alias()}"} if alias else {}
    made = client.post(address, data=fields | named | {"lifetime": "P1D"}, headers=BROWSER)

    key, cookies = created_key(made), cookies_set(made)
    assert cookies.keys() == {f"/{key}", f"/{key}+"}
    for cookie in cookies.values():
        assert DAY - 60 < int(cookie["max-age"]) <= DAY
        assert (cookie["httponly"], cookie["samesite"].lower(), cookie["domain"]) == (True, "lax", "")
        answer = client.get(f"/api/v1/entries/{key}", headers={"X-Manage-Token": cookie.value})
        assert answer.json()["visit_count"] == 0, "what managers see"
    for page in ("", "/edit", "/stats"):
        shown = client.get(f"/{key}/manage{page}", headers=BROWSER)
        assert (shown.status_code, "Manage token" in shown.text) == (200, False), page
    assert client.get(f"/{key}+", headers=BROWSER, follow_redirects=True).text.count('class="strip"') == 1


def test_form_that_is_sent_again_leads_to_the_same_page_with_the_same_cookies(client: httpx.Client) -> None:
    form = {"text": "sent twice", "form_id": new_alias()}

    first, second = (client.post("/pastes", data=form, headers=BROWSER) for _ in range(2))

    assert created_key(first) == created_key(second)
    tokens = [{path: cookie.value for path, cookie in cookies_set(answer).items()} for answer in (first, second)]
    assert tokens[0] == tokens[1] != {}


def test_form_that_is_sent_again_after_a_claim_gives_no_cookie(client: httpx.Client) -> None:
    form = {"text": "sent twice", "form_id": new_alias()}
    first = client.post("/pastes", data=form, headers=BROWSER)
    key, token = created_key(first), next(iter(cookies_set(first).values())).value
    claim = new_user(client).headers | {"X-Manage-Token": token}
    client.post(f"/api/v1/entries/{key}/claim", headers=claim).raise_for_status()

    second = client.post("/pastes", data=form, headers=BROWSER)

    assert created_key(second) == key
    assert cookies_set(second) == {}
    assert 'class="strip"' not in client.get(f"/{key}", headers=carried({}, value=token)).text


def test_opening_the_manage_link_makes_the_browser_the_entrys_own(client: httpx.Client) -> None:
    entry = create_link(client)
    manage = f"/{entry['key']}/manage"

    opened = send_form(client, manage, manage, token=f" {entry['manage_token']} ")

    assert {path: cookie.value for path, cookie in cookies_set(opened).items()} == {
        f"/{entry['key']}": entry["manage_token"],
        f"/{entry['key']}+": entry["manage_token"],
    }
    assert "Manage link" in visible_text(client.get(f"/{entry['key']}+", headers=BROWSER))


def test_owner_who_types_something_for_a_token_gets_no_cookie(client: httpx.Client) -> None:
    form = {"text": "mine"}
    register_on_page(client)
    key = created_key(client.post("/pastes", data=form, headers=BROWSER))

    opened = client.post(f"/{key}/manage", data={"token": "\u20ac\r\nSet-Cookie: a=b"}, headers=BROWSER)

    assert (opened.status_code, cookies_set(opened)) == (303, {})


def test_cookies_follow_a_changed_expiry(client: httpx.Client) -> None:
    made = client.post("/pastes", data={"text": "a", "lifetime": "P1D"}, headers=BROWSER)
    key = created_key(made)

    changed = client.post(f"/{key}/manage/expiry", data={"lifetime": "P7D"}, headers=BROWSER)

    assert changed.status_code == 303
    assert {7 * DAY - 60 < int(cookie["max-age"]) <= 7 * DAY for cookie in cookies_set(changed).values()} == {True}


@pytest.mark.parametrize("end", ["forget", "manage/delete", "manage/claim"])
def test_forgetting_deleting_and_claiming_end_all_cookies(client: httpx.Client, end: str) -> None:
    register_on_page(client)
    entry = create_paste(client)
    manage = f"/{entry['key']}/manage"
    send_form(client, manage, manage, token=entry["manage_token"])

    ended = client.post(f"/{entry['key']}/{end}", data={"confirm": "yes"}, headers=BROWSER)

    assert ended.status_code == 303, visible_text(ended)
    cookies = cookies_set(ended)
    assert {path: (cookie.value, cookie["max-age"]) for path, cookie in cookies.items()} == {
        f"/{entry['key']}": ("", "0"),
        f"/{entry['key']}+": ("", "0"),
        manage: ("", "0"),
    }, "the last is of the previous release"
    assert COOKIE not in str(client.cookies)


def test_forgetting_leads_home_and_needs_neither_entry_nor_cookie(client: httpx.Client) -> None:
    for key in (create_paste(client)["key"], "never-was-here"):
        answer = client.post(f"/{key}/forget", headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.post("/never%20a%20key;Path=%2F/forget", headers=BROWSER).status_code == 404
    assert [client.post("/abc/forget", headers=BROWSER | foreign).status_code for foreign in FOREIGN] == [403] * 3


def test_cookie_of_the_release_before_is_read(client: httpx.Client, web: WebServer) -> None:
    entry = create_paste(client)
    manage = f"/{entry['key']}/manage"
    with web.new_client() as browser:
        browser.cookies.set(COOKIE, entry["manage_token"], path=manage)
        assert f'action="{manage}/delete"' in browser.get(manage, headers=BROWSER).text


def test_right_cookie_is_found_among_those_that_others_have_set(client: httpx.Client) -> None:
    """A sub-domain may set one of the same name, for the same path or a longer one."""
    entry, foreign = create_paste(client), create_paste(client)
    token, other = entry["manage_token"], foreign["manage_token"]
    manage = f"/{entry['key']}/manage"

    def can_manage(*cookies: str) -> bool:
        headers = {"Accept": b"text/html", "Cookie": "; ".join(cookies).encode("latin-1")}
        answer = client.get(manage, headers=headers)
        assert answer.status_code in (200, 403)
        return f'action="{manage}/delete"' in answer.text

    right = f"{COOKIE}={token}"
    for cookies in (
        [right],
        [f"{COOKIE}={other}", right],
        [right, f"{COOKIE}={other}", f"{COOKIE}="],
        ["a=b", f"{COOKIE}={'x' * 20_000}", right],
        [f"{COOKIE}=\u00fc", right],
    ):
        assert can_manage(*cookies)
    for cookies in ([f"{COOKIE}={other}"], [f"{COOKIE}="], [f"x{right}"], [f"\x85{right}"], [f"{COOKIE}={token}x"]):
        assert not can_manage(*cookies), cookies


async def test_cookie_of_what_has_ended_opens_nothing(client: httpx.Client, database: asyncpg.Connection) -> None:
    entry = create_paste(client, views=3)
    await expire_entry(database, entry["key"])

    for page in ("", "+", "/manage", "/raw"):
        assert client.get(f"/{entry['key']}{page}", headers=carried(entry)).status_code == 410
    assert client.post(f"/{entry['key']}/manage", data={"token": entry["manage_token"]}).status_code == 410


def test_cookie_is_nothing_in_the_api(client: httpx.Client) -> None:
    entry = create_paste(client)
    address = f"/api/v1/entries/{entry['key']}"

    assert client.get(address, headers=carried(entry)).json().get("visit_count") is None
    assert client.delete(address, headers=carried(entry)).status_code == 401
