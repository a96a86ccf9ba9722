"""The pages that make and manage entries, as a browser without JavaScript uses them."""

import re
from datetime import datetime

import httpx
import pytest

from tests.support.entries import create_link, create_paste, new_alias
from tests.support.pages import BROWSER, FOREIGN, created_key, send_form, visible_text
from tests.support.routes import changing_routes, names_in_application


def test_home_offers_a_paste_and_a_link(client: httpx.Client) -> None:
    paste, link = client.get("/", headers=BROWSER), client.get("/?kind=link", headers=BROWSER)

    assert 'action="/pastes"' in paste.text
    assert 'enctype="multipart/form-data"' in paste.text
    assert 'name="text"' in paste.text
    assert 'action="/links"' in link.text
    assert 'name="original_url"' in link.text
    for page in (paste, link):
        assert 'name="lifetime"' in page.text
        assert 'name="alias"' in page.text
        assert 'name="visibility"' in page.text


def test_paste_form_leads_to_the_paste(client: httpx.Client) -> None:
    made = send_form(client, "/", "/pastes", text="\r\nline one\r\nline two", title="T & T", syntax="", lifetime="PT1H")

    assert (made.status_code, made.headers["cache-control"]) == (303, "private, no-store")
    key = created_key(made)
    assert made.headers["location"] == f"/{key}#created"
    assert client.get(f"/{key}/raw").content == b"\nline one\nline two"
    entry = client.get(f"/api/v1/entries/{key}").json()
    assert (entry["title"], entry["syntax"], entry["visibility"]) == ("T & T", None, "unlisted")


def test_link_form_leads_to_the_preview_of_the_link(client: httpx.Client) -> None:
    alias = new_alias()

    made = send_form(
        client, "/?kind=link", "/links", original_url="https://example.org/x", alias=alias, visibility="public"
    )

    assert (made.status_code, made.headers["location"]) == (303, f"/{alias}+#created"), "its own page leads away"
    assert client.get(f"/{alias}").headers["location"] == "https://example.org/x"


def test_refused_form_comes_back_filled_in_with_the_reason(client: httpx.Client) -> None:
    text = "\n</textarea><b>kept</b>"

    page = send_form(
        client, "/", "/pastes", text=text, title="Kept title", alias="no good!", visibility="public", lifetime="P7D"
    )

    assert page.status_code == 422
    assert "An alias has 3 to 64 letters" in visible_text(page)
    assert re.search(r"<textarea[^>]*>\n\n&lt;/textarea&gt;&lt;b&gt;kept&lt;/b&gt;</textarea>", page.text)
    assert 'value="Kept title"' in page.text
    assert 'value="no good!"' in page.text
    assert re.search(r'<option value="P7D" selected', page.text)
    assert "aria-invalid" in page.text


@pytest.mark.parametrize(
    ("page", "action", "asked"),
    [("/", "/pastes", "Type or paste a text first."), ("/?kind=link", "/links", "Enter the URL to shorten.")],
)
def test_empty_form_is_told_what_to_enter(client: httpx.Client, page: str, action: str, asked: str) -> None:
    refused = send_form(client, page, action, title="Alone")

    assert (refused.status_code, asked in visible_text(refused)) == (422, True)


def test_taken_alias_comes_back_as_a_form(client: httpx.Client) -> None:
    alias = create_link(client, alias=new_alias())["key"]

    page = send_form(client, "/?kind=link", "/links", original_url="https://example.org/", alias=alias)

    assert page.status_code == 409
    assert "name is taken" in visible_text(page)
    assert 'value="https://example.org/"' in page.text


@pytest.mark.parametrize("address", ["/pastes", "/links"])
def test_form_of_another_site_makes_nothing_and_is_told_where_to_be_sent_from(
    client: httpx.Client, address: str
) -> None:
    fields = {"text": "typed", "original_url": "https://example.org/typed"}

    for foreign in FOREIGN:
        page = client.post(address, data=fields, headers=BROWSER | foreign)
        assert page.status_code == 403
        assert "came from another site's page" in visible_text(page)
        assert '<a href="/">/</a>' in page.text
        assert "typed" not in page.text


def test_form_with_10_mib_of_short_lines_is_accepted(client: httpx.Client) -> None:
    text = "a\r\n" * (5 * 1024 * 1024)

    key = created_key(send_form(client, "/", "/pastes", text=text))

    assert client.get(f"/{key}/raw").content == b"a\n" * (5 * 1024 * 1024)


def test_form_over_the_limit_is_a_413_that_keeps_the_text(client: httpx.Client) -> None:
    text = "a" * (10 * 1024 * 1024 + 1)

    page = send_form(client, "/", "/pastes", text=text, title="Too long a text")

    assert page.status_code == 413
    assert "the limit is 10 MiB" in visible_text(page)
    assert text in page.text
    assert 'value="Too long a text"' in page.text


def test_manage_page_asks_for_the_token_and_keeps_it_from_other_pages(client: httpx.Client) -> None:
    entry = create_paste(client)
    manage = f"/{entry['key']}/manage"

    asked = client.get(manage, headers=BROWSER)
    assert 'name="token"' in asked.text
    assert "/manage/delete" not in asked.text
    opened = send_form(client, manage, manage, token=f" {entry['manage_token']} ")
    assert (opened.status_code, opened.headers["location"]) == (303, manage)
    assert "HttpOnly" in opened.headers["set-cookie"]
    assert f"{manage}/delete" in client.get(manage, headers=BROWSER).text


def test_wrong_token_opens_nothing(client: httpx.Client) -> None:
    entry, other = create_paste(client), create_paste(client)
    manage = f"/{entry['key']}/manage"

    page = send_form(client, manage, manage, token=other["manage_token"])

    assert page.status_code == 403
    assert "doesn't belong" in visible_text(page)
    assert "slipbin_manage" not in page.headers.get("set-cookie", "")
    for action in ("expiry", "delete"):
        refused = send_form(client, manage, f"{manage}/{action}", lifetime="PT1H", confirm="yes")
        assert refused.status_code == 401
    assert client.get(f"/{entry['key']}").status_code == 200


def test_expiry_is_changed_on_the_manage_page(client: httpx.Client) -> None:
    entry = create_link(client)
    manage = f"/{entry['key']}/manage"
    send_form(client, manage, manage, token=entry["manage_token"])

    changed = send_form(client, manage, f"{manage}/expiry", lifetime="PT1H")

    assert (changed.status_code, changed.headers["location"]) == (303, f"{manage}?done=expiry")
    assert "Expiry changed" in visible_text(client.get(changed.headers["location"], headers=BROWSER))
    assert "Expiry changed" not in visible_text(client.get(manage, headers=BROWSER))
    ends_at = client.get(f"/api/v1/entries/{entry['key']}").json()["expires_at"]
    assert datetime.fromisoformat(ends_at) < datetime.fromisoformat(entry["expires_at"])
    assert send_form(client, manage, f"{manage}/expiry", lifetime="").status_code == 422
    assert send_form(client, manage, f"{manage}/expiry", lifetime="forever").status_code == 422


def test_deleting_on_the_manage_page_asks_first(client: httpx.Client) -> None:
    entry = create_paste(client)
    manage = f"/{entry['key']}/manage"
    send_form(client, manage, manage, token=entry["manage_token"])

    assert send_form(client, manage, f"{manage}/delete").status_code == 422
    assert client.get(f"/{entry['key']}").status_code == 200
    deleted = send_form(client, manage, f"{manage}/delete", confirm="yes")

    assert deleted.status_code == 303
    assert entry["key"] in visible_text(client.get(deleted.headers["location"], headers=BROWSER))
    assert client.get(f"/{entry['key']}").status_code == 410


@pytest.mark.parametrize("action", ["", "/expiry", "/delete"])
def test_manage_forms_of_another_site_change_nothing(client: httpx.Client, action: str) -> None:
    entry = create_paste(client)
    manage = f"/{entry['key']}/manage"
    send_form(client, manage, manage, token=entry["manage_token"])

    fields = {"token": entry["manage_token"], "confirm": "yes", "lifetime": "PT1H"}
    for foreign in FOREIGN:
        page = client.post(f"{manage}{action}", data=fields, headers=BROWSER | foreign)
        assert page.status_code == 403
    assert client.get(f"/{entry['key']}").status_code == 200
    assert client.get(f"/api/v1/entries/{entry['key']}").json()["expires_at"] == entry["expires_at"]


def test_no_page_has_inline_script_or_style(client: httpx.Client) -> None:
    paste, link = create_paste(client, title="<script>"), create_link(client)
    manage = f"/{paste['key']}/manage"
    send_form(client, manage, manage, token=paste["manage_token"])
    addresses = ("/", "/?kind=link", f"/{paste['key']}", f"/{link['key']}+", manage, "/docs", "/redoc", "/nothing-here")
    for address in addresses:
        page = client.get(address, headers=BROWSER).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page), address
        assert all(re.search(r'\ssrc="/static/', tag) for tag in re.findall(r"<script[^>]*>", page)), address
        assert not re.search(r'(src|href)="(https?:)?//(?!slipbin\.test|127\.0\.0\.1|example\.org)', page), address


def test_no_page_is_at_the_address_that_only_a_form_is_sent_to(client: httpx.Client) -> None:
    """Going back to it, or opening it from the history, leads to the page with its form."""
    names = names_in_application()
    sent_to = {route.path for route in changing_routes() if route.method == "POST" and not route.is_for_programs}

    assert {path for path in sent_to if f"GET {path}" not in names} == set()
    for path, page in {
        "/pastes": "/",
        "/links": "/?kind=link",
        "/reset": "/forgot",
        "/some-key/reveal": "/some-key",
        "/some-key/forget": "/some-key/manage",
        "/some-key/manage/expiry": "/some-key/manage",
        "/some-key/manage/claim": "/some-key/manage",
        "/some-key/manage/delete": "/some-key/manage",
        "/%5Cevil.example/forget": "/%5Cevil.example/manage",
        "/a%0D%0ASet-Cookie:a=b/forget": "/a%0D%0ASet-Cookie:a=b/manage",
    }.items():
        answer = client.get(path, headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
