"""Collections in a browser: made, filled, shared with a guest, emptied and deleted; every state of their pages."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.browser.account_pages import sign_in_to_settings
from tests.browser.page_checks import content_width, serious_findings
from tests.browser.tour import send_unchecked
from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor, in_every_view, with_and_without_scripts
from tests.support.accounts import PASSWORD, User, new_user
from tests.support.collections import COLLECTIONS, add_to_collection, create_collection, share_collection
from tests.support.entries import create_link, create_paste
from tests.support.web import WebServer


def signed_in(visitor: Visitor, site: WebServer) -> User:
    user = new_user(site.client)
    sign_in_to_settings(visitor, user.email, PASSWORD)
    return user


@with_and_without_scripts
def test_collection_is_made_filled_shared_emptied_and_deleted(
    new_visitor: NewVisitor, site: WebServer, view: View, has_scripts: bool
) -> None:
    owner, guest = new_visitor(view, has_scripts=has_scripts), new_visitor(view, has_scripts=has_scripts)
    user, page = signed_in(owner, site), owner.page
    paste = create_paste(site.client, title="A paste of mine", headers=user.headers, visibility="private")
    link = create_link(site.client, title="A link of somebody")

    owner.click("Collections")
    page.get_by_label("Name").fill("Reading list")
    owner.click("Create collection")
    assert page.get_by_role("heading", name="Reading list").is_visible()
    page.get_by_label("Links or keys").fill(f"{link['url']}\n{paste['key']}")
    owner.click("Add", status=200)
    assert page.get_by_text("2 entries added.").is_visible()
    owner.click("Share")
    address = page.locator("#shared-url").inner_text()
    if has_scripts:
        page.get_by_role("button", name="Copy link").click()
        page.get_by_text("Link copied").wait_for()
        assert owner.clipboard() == address

    guest.open(address)
    assert guest.page.title().startswith("Reading list")
    assert "A link of somebody" in guest.main_text()
    assert "A paste of mine" not in guest.main_text()
    owner.open(address)
    assert "Private – only you" in owner.main_text()
    owner.click("A paste of mine")
    assert owner.path() == f"/{paste['key']}"

    owner.open(address)
    owner.click("Edit this collection")
    owner.click("Remove A link of somebody")
    assert "A link of somebody" not in owner.main_text()
    guest.open(address)
    assert "nothing here that you can see" in guest.main_text()

    page.get_by_label("Yes, delete this collection").check()
    owner.click("Delete collection")
    assert owner.path() == "/collections"
    assert "Reading list" not in owner.main_text()
    guest.open(address, status=404)
    owner.open(f"/{paste['key']}")


def test_entries_are_selected_among_mine_and_added(new_visitor: NewVisitor, site: WebServer) -> None:
    visitor = new_visitor(WIDE, has_scripts=False)
    user = signed_in(visitor, site)
    for title in ("First", "Second", "Third"):
        create_paste(site.client, title=title, headers=user.headers)
    create_collection(site.client, user, "Chosen")

    visitor.open("/profile")
    for title in ("First", "Third"):
        visitor.page.get_by_label(f"Select {title}").check()
    visitor.page.get_by_label("Add to the collection").select_option(label="Chosen")
    visitor.click("Add to collection")

    assert visitor.page.get_by_text("2 entries added.").is_visible()
    assert visitor.page.get_by_role("heading", name="Chosen").is_visible()


USUAL = "A list of things"
LONGEST = "W" * 100
RIGHT_TO_LEFT = "رשימה של דברים 12 שונים"
HOSTILE = """'"></title></textarea><img src=/nowhere onerror=alert(1)>{{7*7}}"""


def tour(visitor: Visitor, site: WebServer, name: str, title: str, check: Callable[[str], None]) -> None:
    """Every state of the pages of collections; `check` is called on each."""
    page, client = visitor.page, site.client
    user = signed_in(visitor, site)
    visitor.open("/collections")
    check("no collections")
    send_unchecked(visitor, "Create collection", status=422)
    check("list with an error")
    page.get_by_label("Name").fill(name)
    visitor.click("Create collection")
    check("empty collection")
    page.get_by_label("Links or keys").fill(f"https://elsewhere.example/{'w' * 200}")
    visitor.click("Add", status=422)
    check("collection with an error")
    collection = client.get(COLLECTIONS, headers=user.headers).json()["items"][0]
    create_collection(client, user, name + "2" if len(name) < 100 else name[:-1] + "2")
    keys = [
        create_paste(client, title=title, headers=user.headers, visibility="private", syntax="python")["key"],
        create_link(client, title=title, original_url=f"https://{'w' * 60}.example/", alias=uuid4().hex * 2)["key"],
        create_link(client, title=title, views=2)["key"],
        *(create_paste(client, headers=user.headers, expires_in="never")["key"] for _ in range(2)),
    ]
    add_to_collection(client, user, collection, *keys)
    shared = f"/c/{share_collection(client, user, collection)}"
    visitor.open("/collections")
    check("list")
    visitor.open(f"/collections/{collection['id']}")
    check("full and shared collection")
    visitor.open(shared)
    check("shared page")
    visitor.open(f"{shared}?cursor=0.aaa")
    check("shared page beyond its end")


@in_every_view
def test_nothing_serious_is_found_on_any_page_of_collections(
    new_visitor: NewVisitor, site: WebServer, view: View
) -> None:
    visitor = new_visitor(view)
    findings: dict[str, list[str]] = {}

    def check(name: str) -> None:
        if found := serious_findings(visitor.page):
            findings[name] = found
        assert content_width(visitor.page) == view.width, name

    tour(visitor, site, USUAL, "A title", check)

    assert findings == {}


@pytest.mark.parametrize("name", [LONGEST, RIGHT_TO_LEFT, HOSTILE], ids=["longest", "right-to-left", "hostile"])
def test_hard_names_break_no_page(new_visitor: NewVisitor, site: WebServer, name: str) -> None:
    visitor = new_visitor(PHONE)

    def check(page: str) -> None:
        assert content_width(visitor.page) == PHONE.width, page
        assert visitor.page.locator("main img").count() == 0, page

    tour(visitor, site, name, name * 2, check)
