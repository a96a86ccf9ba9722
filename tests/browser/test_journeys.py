"""What people come for, from the form to the end of an entry, wide and on a phone, with and without scripts."""

import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor, in_every_view
from tests.support.entries import new_alias

TEXT = "def first():\n\treturn 1\n\n# <b>fünf</b> & 六\nlast"

with_and_without_scripts = pytest.mark.parametrize(
    ("view", "has_scripts"),
    [(WIDE, True), (PHONE, True), (PHONE, False)],
    ids=lambda value: {True: "scripts", False: "no-scripts"}[value] if isinstance(value, bool) else str(value),
)


def fill_in_paste(visitor: Visitor, *, title: str) -> None:
    page = visitor.page
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_label("Title").fill(title)
    page.get_by_label("Syntax").select_option(label="Python")
    page.get_by_label("Expires in").select_option(label="7 days")
    page.get_by_label("Visibility").select_option("public")


def change_and_delete(visitor: Visitor, kind: str) -> None:
    """Change the expiry of an entry on its manage page, then delete it there."""
    page = visitor.page
    before = page.locator("dt:text-is('Expires') + dd").inner_text()
    page.get_by_label("Expire in").select_option(label="1 hour")
    visitor.click("Change")
    assert page.get_by_text("Expiry changed.").is_visible()
    assert page.locator("dt:text-is('Expires') + dd").inner_text() != before

    page.get_by_label(f"Yes, delete this {kind}").check()
    visitor.click(f"Delete {kind}")
    assert page.get_by_role("heading", name=f"Your {kind} is deleted").is_visible()


@with_and_without_scripts
def test_paste_is_created_read_changed_and_deleted(new_visitor: NewVisitor, view: View, has_scripts: bool) -> None:
    owner, reader = new_visitor(view, has_scripts=has_scripts), new_visitor(view, has_scripts=has_scripts)
    owner.open("/")
    fill_in_paste(owner, title="A title")

    owner.click("Create paste")
    address, manage_address = owner.short_link(), owner.manage_link()
    assert re.fullmatch(re.escape(owner.site_address) + "/[A-Za-z0-9]{11}", address)
    assert manage_address.startswith(f"{address}/manage#")
    for fact in ("A title", "Python", "Public", "Expires"):
        assert fact in owner.main_text()
    assert owner.page.url == (address if has_scripts else f"{address}#created")
    if has_scripts:
        owner.page.get_by_text("Manage link", exact=True).click()
        owner.page.get_by_role("button", name="Copy manage link").click()
        owner.page.get_by_text("Manage link copied").wait_for()
        assert owner.clipboard() == manage_address
        owner.page.keyboard.press("Escape")
        owner.page.get_by_role("button", name="Copy link").click()
        owner.page.get_by_text("Link copied", exact=True).wait_for()
        assert owner.clipboard() == address
    assert owner.page.title().startswith("A title")
    assert owner.page.locator("#text li").all_text_contents() == TEXT.splitlines(keepends=True)
    if has_scripts:
        owner.page.get_by_role("button", name="Copy text").click()
        owner.page.get_by_text("Text copied").wait_for()
        assert owner.clipboard() == TEXT
    raw = owner.click("Raw")
    assert raw.text() == TEXT

    reader.open(address)
    if has_scripts:
        # The manage link was kept, and is opened later and elsewhere.
        reader.open(manage_address)
        assert reader.path().endswith("/manage")
        assert reader.page.get_by_role("button", name="Manage").evaluate("e => e === document.activeElement")
    else:
        reader.click("Manage it")
        reader.page.get_by_label("Manage token").fill(manage_address.partition("#")[2])
    reader.click("Manage")
    change_and_delete(reader, "paste")

    for gone in (address, f"{address}/raw", manage_address):
        owner.open(gone, status=410)
        assert "deleted" in owner.page.locator("body").inner_text()


@with_and_without_scripts
def test_link_is_created_previewed_followed_and_deleted(
    new_visitor: NewVisitor, view: View, has_scripts: bool, target: str
) -> None:
    visitor = new_visitor(view, has_scripts=has_scripts)
    alias = new_alias()
    long_address = f"{target}/a/long/path?with=a&query=ü%20#part"
    visitor.open("/")
    visitor.page.get_by_label("Link", exact=True).check()
    visitor.page.get_by_label("URL to shorten").fill(long_address)
    visitor.show_more()
    visitor.page.get_by_label("Alias").fill(alias)

    visitor.click("Create link")
    address = f"{visitor.site_address}/{alias}"
    assert visitor.short_link() == address
    assert long_address in visitor.main_text()
    if has_scripts:
        expect(visitor.page.get_by_role("button", name="Copy link")).to_be_focused()
        visitor.page.keyboard.press("Enter")
        visitor.page.get_by_text("Link copied").wait_for()
        assert visitor.clipboard() == address

    assert visitor.path() == (f"/{alias}+" if has_scripts else f"/{alias}+#created")
    assert visitor.page.locator("h1").inner_text() == target.partition("://")[2]
    assert visitor.page.locator("#target").inner_text() == long_address
    visitor.click(f"Continue to {target.partition('://')[2]}")
    assert unquote(visitor.page.url) == unquote(long_address)
    assert visitor.page.get_by_role("heading", name="Arrived").is_visible()
    visitor.open(address)
    assert unquote(visitor.page.url) == unquote(long_address)

    visitor.open(f"{address}+")
    visitor.manage()
    change_and_delete(visitor, "link")

    for gone in (address, f"{address}+"):
        visitor.open(gone, status=410)
        assert "deleted" in visitor.main_text()


@in_every_view
def test_unknown_address_is_a_page_that_leads_back(new_visitor: NewVisitor, view: View) -> None:
    visitor = new_visitor(view)

    visitor.open("/nothing-is-here", status=404)

    assert visitor.page.get_by_role("heading", name="There is nothing here").is_visible()
    visitor.click("Home")
    assert visitor.path() == "/"
