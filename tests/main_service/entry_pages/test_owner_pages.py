"""The pages of entries for who is signed in: create, read, edit, claim and delete one's own."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.accounts import PASSWORD, bearer, new_user, register_on_page, sign_in
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.pages import BROWSER, FOREIGN, created_key, led_on, send_form, visible_text
from tests.support.web import WebServer

TEXT = "first\nsecond\n"


def headers_of(client: httpx.Client, email: str) -> dict[str, str]:
    return bearer(sign_in(client, email)["access_token"])


def test_signed_in_user_owns_what_the_page_makes(client: httpx.Client) -> None:
    email = register_on_page(client)["email"]
    home = client.get("/", headers=BROWSER).text
    assert '<option value="private"' in home
    assert '<option value="never"' in home

    made = send_form(client, "/", "/pastes", text=TEXT, visibility="private", lifetime="never")

    key = created_key(made)
    assert "slipbin_manage" not in str(made.headers)
    entry = client.get(f"/api/v1/entries/{key}", headers=headers_of(client, email)).json()
    assert (entry["visibility"], entry["expires_at"]) == ("private", None)
    shown = client.get(f"/{key}", headers=BROWSER)
    assert (shown.status_code, "Private – only you" in visible_text(shown)) == (200, True)
    assert "Manage link" not in visible_text(shown)
    assert client.get(f"/{key}/raw").text == TEXT
    client.cookies.clear()
    assert [client.get(f"/{key}{end}", headers=BROWSER).status_code for end in ("", "/raw", "/manage")] == [404] * 3


@pytest.mark.parametrize("views", [None, 3])
def test_way_to_managing_is_shown_to_the_owner_and_on_guests_entries(client: httpx.Client, views: int | None) -> None:
    guests = create_paste(client, views=views)["key"]
    headers = headers_of(client, register_on_page(client)["email"])
    mine = create_paste(client, headers=headers, views=views)["key"]

    def shows_way(key: str) -> bool:
        return f'href="/{key}/manage"' in client.get(f"/{key}", headers=BROWSER).text

    assert (shows_way(mine), shows_way(guests)) == (True, True)
    client.cookies.clear()
    assert (shows_way(mine), shows_way(guests)) == (False, True)


def test_guest_who_manages_is_offered_neither_claiming_nor_a_life_without_end(client: httpx.Client) -> None:
    entry = create_paste(client)
    manage = f"/{entry['key']}/manage"
    send_form(client, manage, manage, token=entry["manage_token"])

    page = client.get(manage, headers=BROWSER)

    assert (page.status_code, f'action="{manage}/delete"' in page.text) == (200, True)
    assert f'action="{manage}/claim"' not in page.text
    assert 'value="never"' not in page.text


def test_guests_are_offered_nothing_that_only_users_have(client: httpx.Client) -> None:
    home = client.get("/", headers=BROWSER).text
    assert 'value="private"' not in home
    assert 'value="never"' not in home

    refused = send_form(client, "/", "/pastes", text=TEXT, visibility="private")
    assert (refused.status_code, "Sign in to create private entries" in visible_text(refused)) == (422, True)


def test_api_does_not_know_who_is_signed_in_on_pages(client: httpx.Client) -> None:
    register_on_page(client)
    key = created_key(send_form(client, "/", "/pastes", text=TEXT, visibility="private"))

    assert client.get(f"/api/v1/entries/{key}").status_code == 404
    assert create_paste(client)["manage_token"]


@pytest.mark.parametrize("create", [create_paste, create_link])
def test_private_entry_is_read_with_a_token_of_its_owner(
    client: httpx.Client, create: Callable[..., dict[str, Any]]
) -> None:
    user, other = new_user(client), new_user(client)
    entry = create(client, headers=user.headers, visibility="private")
    token = client.post("/api/v1/tokens", json={"name": "reader", "scopes": ["read"]}, headers=user.headers).json()
    paths = [f"/{entry['key']}"] + ([f"/{entry['key']}/raw"] if entry["kind"] == "paste" else [])

    for path in paths:
        for headers in (user.headers, bearer(token["token"])):
            answer = client.get(path, headers=headers)
            assert answer.headers.get("location", answer.text) == entry.get("original_url", "some text\n")
            assert client.head(path, headers=headers).status_code == answer.status_code
        for headers in ({}, other.headers, {"Authorization": "Basic dXNlcjpwYXNz"}):
            assert client.get(path, headers=headers).status_code == 404
        refused = client.get(path, headers=bearer("nonsense"))
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    # Nothing else on pages is opened by it.
    assert client.get(f"/{entry['key']}/stats", headers=user.headers).status_code == 404
    assert client.get(f"/{entry['key']}/manage", headers=user.headers).status_code == 404


def test_token_that_is_not_valid_is_refused_where_anyone_may_read(client: httpx.Client) -> None:
    link, paste = create_link(client)["key"], create_paste(client)["key"]

    # The second is answered from the cached entry, which the fast path knows.
    for path in (f"/{link}", f"/{paste}/raw") * 2:
        assert client.get(path).status_code in (200, 302)
        assert client.get(path, headers=bearer("nonsense")).status_code == 401
        assert client.get(path, headers={"Authorization": "Basic dXNlcjpwYXNz"}).status_code in (200, 302)


def test_paste_is_edited_by_its_owner_and_what_was_not_touched_stays_to_the_byte(client: httpx.Client) -> None:
    headers = headers_of(client, register_on_page(client)["email"])
    text = "\r\nCRLF\r\nand lone \r and LF\n"
    key = create_paste(client, headers=headers, text=text, title="old")["key"]
    edit = f"/{key}/manage/edit"
    form = client.get(edit, headers=BROWSER).text
    assert 'value="old"' in form
    as_sent = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")

    saved = send_form(client, edit, edit, text=as_sent, title="new", visibility="public", syntax="python")

    assert (saved.status_code, saved.headers["location"]) == (303, f"/{key}")
    entry = client.get(f"/api/v1/entries/{key}").json()
    assert (entry["title"], entry["visibility"], entry["syntax"]) == ("new", "public", "python")
    assert client.get(f"/{key}/raw").content == text.encode()
    assert send_form(client, edit, edit, text="other\r\n", title="", syntax="", visibility="public").status_code == 303
    assert client.get(f"/{key}/raw").text == "other\r\n", "the line end that the text has most often"
    entry = client.get(f"/api/v1/entries/{key}").json()
    assert (entry["title"], entry["syntax"]) == (None, None)


def test_link_is_edited_and_a_refused_edit_keeps_what_was_typed(client: httpx.Client) -> None:
    headers = headers_of(client, register_on_page(client)["email"])
    key = create_link(client, headers=headers)["key"]
    edit = f"/{key}/manage/edit"

    refused = send_form(client, edit, edit, original_url="javascript:alert(1)", title="typed", visibility="unlisted")
    assert (refused.status_code, 'value="typed"' in refused.text) == (422, True)
    assert client.get(f"/{key}").headers["location"] == "https://example.org/target"
    saved = send_form(client, edit, edit, original_url="https://example.org/new", title="", visibility="unlisted")
    assert saved.status_code == 303
    assert client.get(f"/{key}").headers["location"] == "https://example.org/new"


def test_editing_spends_no_view(client: httpx.Client) -> None:
    headers = headers_of(client, register_on_page(client)["email"])
    key = create_paste(client, headers=headers, text=TEXT, views=1)["key"]
    edit = f"/{key}/manage/edit"

    assert TEXT in client.get(edit, headers=BROWSER).text
    assert send_form(client, edit, edit, text=TEXT, title="t", visibility="unlisted", syntax="").status_code == 303
    assert client.get(f"/api/v1/entries/{key}", headers=headers).json()["views_left"] == 1


def test_guests_entry_is_claimed_on_its_manage_page(client: httpx.Client) -> None:
    entry = create_paste(client)
    manage = f"/{entry['key']}/manage"
    assert "Add to my entries" not in visible_text(send_form(client, manage, manage, token=entry["manage_token"]))
    register_on_page(client)
    send_form(client, manage, manage, token=entry["manage_token"])
    page = client.get(manage, headers=BROWSER)
    assert "Add to my entries" in visible_text(page)

    claimed = send_form(client, manage, f"{manage}/claim")

    assert (claimed.status_code, claimed.headers["location"]) == (303, f"{manage}?done=claim")
    assert "It's yours now" in visible_text(client.get(claimed.headers["location"], headers=BROWSER))
    assert client.get(manage, headers=BROWSER).status_code == 200
    client.cookies.clear()
    guest = client.get(manage, headers=BROWSER)
    assert (guest.status_code, guest.headers["location"]) == (303, f"/sign-in?next={manage}")


def test_owner_deletes_on_the_manage_page(client: httpx.Client) -> None:
    headers = headers_of(client, register_on_page(client)["email"])
    key = create_paste(client, headers=headers)["key"]

    assert send_form(client, f"/{key}/manage", f"/{key}/manage/delete").status_code == 422
    deleted = send_form(client, f"/{key}/manage", f"/{key}/manage/delete", confirm="yes")
    assert (deleted.status_code, deleted.headers["location"]) == (303, f"/{key}/manage?deleted=paste")
    assert client.get(f"/{key}").status_code == 410


def test_page_that_tells_of_a_deletion_is_of_deleted_entries_alone(client: httpx.Client) -> None:
    headers = headers_of(client, register_on_page(client)["email"])
    key = create_paste(client, headers=headers)["key"]
    page = f"/{key}/manage?deleted=paste"
    assert "Manage your paste" in visible_text(client.get(page, headers=BROWSER))

    client.delete(f"/api/v1/entries/{key}", headers=headers).raise_for_status()

    told = client.get(page, headers=BROWSER)
    assert (told.status_code, "Your paste is deleted" in visible_text(told)) == (200, True)
    for other in (f"/{key}/manage", f"/{key}/manage?deleted=text"):
        assert client.get(other, headers=BROWSER).status_code == 410
    assert client.get("/never-was-here/manage?deleted=paste", headers=BROWSER).status_code == 404


@pytest.mark.parametrize("action", ["", "/expiry", "/edit", "/claim", "/delete"])
def test_other_users_are_refused_on_every_form(client: httpx.Client, web: WebServer, action: str) -> None:
    owner = new_user(client)
    entry = create_link(client, headers=owner.headers)
    register_on_page(client)
    form = {"confirm": "yes", "lifetime": "PT1H", "title": "mine", "token": "a" * 43}

    refused = client.post(f"/{entry['key']}/manage{action}", data=form, headers=BROWSER)

    assert refused.status_code == 403
    now = client.get(f"/api/v1/entries/{entry['key']}", headers=owner.headers).json()
    assert {name: entry[name] for name in now} == now


@pytest.mark.parametrize("action", ["/expiry", "/edit", "/delete"])
def test_owners_form_that_another_site_sends_is_refused(client: httpx.Client, action: str) -> None:
    headers = headers_of(client, register_on_page(client)["email"])
    key = create_link(client, headers=headers)["key"]
    form = {"confirm": "yes", "lifetime": "PT1H", "title": "stolen", "original_url": "https://thief.example/"}

    for foreign in FOREIGN:
        refused = client.post(f"/{key}/manage{action}", data=form, headers=BROWSER | foreign)
        assert refused.status_code == 403
    assert client.get(f"/{key}").headers["location"] == "https://example.org/target"


def test_account_is_deleted_on_its_page_with_password_and_choice(client: httpx.Client) -> None:
    email = register_on_page(client)["email"]
    key = create_paste(client, headers=headers_of(client, email))["key"]
    page = "/settings/delete"

    fields = {"password": PASSWORD, "entries": "delete"}
    assert [client.post(page, data=fields, headers=BROWSER | foreign).status_code for foreign in FOREIGN] == [403] * 3
    wrong = send_form(client, page, page, password="Wrong-pass1", entries="delete")
    assert (wrong.status_code, "Wrong password" in visible_text(wrong)) == (422, True)
    assert "Choose what happens" in visible_text(send_form(client, page, page, password=PASSWORD))
    done = send_form(client, page, page, password=PASSWORD, entries="delete")
    assert done.headers["location"] == f"{page}?done=deleted"
    assert "Your account is deleted" in visible_text(led_on(client, done))
    assert client.get("/settings", headers=BROWSER).status_code == 303
    assert client.get(f"/{key}").status_code == 410


@pytest.mark.parametrize(
    ("address", "fields"), [("/pastes", {"text": TEXT}), ("/links", {"original_url": "https://a.example/"})]
)
def test_answer_that_is_loaded_anew_makes_nothing_new(
    client: httpx.Client, address: str, fields: dict[str, str]
) -> None:
    form = client.get("/", headers=BROWSER)
    form_id = re.search(r'name="form_id" value="([^"]+)"', form.text)
    assert form_id
    hidden = {"form_id": form_id[1]}

    def send(**more: str) -> str:
        return created_key(client.post(address, data=hidden | fields | more, headers=BROWSER))

    first = send()
    assert send() == first
    assert send(title="another one, after going back") != first
    manage_token = client.cookies.get("slipbin_manage", path=f"/{first}")
    assert client.delete(f"/api/v1/entries/{first}", headers={"X-Manage-Token": manage_token}).status_code == 204
    assert send() != first, "what is gone can be made again"


def test_what_was_typed_is_kept_when_the_session_ended_meanwhile(client: httpx.Client) -> None:
    email = register_on_page(client)["email"]
    client.post("/api/v1/auth/logout-everywhere", headers=headers_of(client, email))

    page = client.post("/pastes", data={"text": "typed for long"}, headers=BROWSER)

    assert (page.status_code, "been signed out" in visible_text(page), "typed for long" in page.text) == (
        403,
        True,
        True,
    )
    again = {"text": "typed for long"}
    assert "slipbin_manage" in client.post("/pastes", data=again, headers=BROWSER).headers["set-cookie"]


def test_what_was_typed_is_kept_when_the_address_must_be_confirmed_first(environment: Environment) -> None:
    with WebServer(environment | {"MAIN_REQUIRE_VERIFIED": "true"}) as server, server.new_client() as client:
        register_on_page(client)
        page = send_form(client, "/", "/pastes", text="typed for long")

        assert (page.status_code, "Confirm your email" in visible_text(page)) == (403, True)
        assert "typed for long" in page.text


@pytest.mark.parametrize("create", [create_link, create_paste])
def test_entry_that_never_ends_has_all_its_pages(client: httpx.Client, create: Callable[..., dict[str, Any]]) -> None:
    email = register_on_page(client)["email"]
    key = create(client, headers=headers_of(client, email), expires_in="never")["key"]
    for address in (f"/{key}+", f"/{key}/manage", f"/{key}/manage/edit", f"/{key}/manage/stats"):
        response = client.get(address, headers=BROWSER, follow_redirects=True)
        assert response.status_code == 200, address
    assert "Never expires" in visible_text(client.get(f"/{key}+", headers=BROWSER, follow_redirects=True))
