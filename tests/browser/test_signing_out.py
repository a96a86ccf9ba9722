"""Entries of a device move into an account in one step; signing out leaves nothing there but colours and keys."""

import pytest

from tests.browser.recents import RECENT, a_row, shown_rows, sign_in, store
from tests.browser.visitor import Visitor
from tests.support.accounts import PASSWORD
from tests.support.web import WebServer


@pytest.mark.parametrize("way", ["Sign out", "Sign out everywhere", "Delete my account"])
def test_signing_out_empties_what_is_stored_but_keeps_the_colours(visitor: Visitor, site: WebServer, way: str) -> None:
    page = visitor.page
    sign_in(visitor, site)
    visitor.open("/settings" if way != "Delete my account" else "/settings/delete")
    page.evaluate("""() => {
      localStorage.setItem("slipbin-theme", "dark");
      localStorage.setItem("slipbin-keys", "off");
      localStorage.setItem("slipbin.draft.x", "a draft");
      sessionStorage.setItem("slipbin.draft.x", "a draft");
    }""")
    store(page, [a_row("some-entry")])
    page.reload()

    if way == "Delete my account":
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("radio").first.check()
    visitor.click(page.locator("main").get_by_role("button", name=way, exact=True).first)

    # A script of the page that follows may have its part in it.
    page.wait_for_function("Object.keys(sessionStorage).length === 0")
    kept = page.evaluate("Object.fromEntries(Object.entries(localStorage))")
    assert kept == {"slipbin-theme": "dark", "slipbin-keys": "off"}
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "#" not in page.url
    visitor.open("/")
    assert shown_rows(page).count() == 0


def test_link_from_elsewhere_changes_no_colours(visitor: Visitor, target: str) -> None:
    page = visitor.page
    visitor.open(target)
    page.evaluate("address => { location.href = address; }", f"{visitor.site_address}/privacy#keep=dark,off")
    page.wait_for_url("**/privacy*")

    assert page.evaluate("localStorage.length") == 0
    assert page.evaluate("name => localStorage.getItem(name)", RECENT) is None
