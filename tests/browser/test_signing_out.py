"""Entries of a device move into an account in one step; signing out leaves nothing there but colours and keys."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.page_checks import serious_findings
from tests.browser.recents import RECENT, a_row, make, sign_in, store, stored
from tests.browser.visitor import Visitor
from tests.support.accounts import PASSWORD
from tests.support.web import WebServer


def test_entries_of_the_device_move_into_the_account_in_one_step(visitor: Visitor, site: WebServer) -> None:
    page = visitor.page
    keys = [make(visitor, title="Mine") for _ in range(2)]
    store(page, [*stored(page), a_row("nobody-has-it", title="Of a poisoned storage")])
    sign_in(visitor, site)

    visitor.open("/")
    expect(page.get_by_role("button", name="Add 3 entries made on this device to your account")).to_be_visible()
    visitor.open("/profile")
    visitor.guard.expect_failed_request(f"{site.address}/nobody-has-it/manage/claim", 404)
    page.get_by_role("button", name="Add 3 entries made on this device to your account").click()

    expect(page.get_by_text("2 entries are in your account now.")).to_be_visible()
    expect(page.locator("#claim-recents li")).to_have_text(["Of a poisoned storage: it no longer exists"])
    assert serious_findings(page) == []
    assert [each["key"] for each in stored(page)] == ["nobody-has-it"]
    assert not [cookie for cookie in visitor.context.cookies() if "manage" in cookie["name"]]
    visitor.open("/profile")
    assert page.locator("main").get_by_text("Mine").count() >= 2
    visitor.open(f"/{keys[0]}")
    expect(page.locator(".strip")).to_have_count(1)


def keep_something(visitor: Visitor) -> None:
    visitor.page.evaluate("""() => {
      localStorage.setItem("slipbin-theme", "dark");
      localStorage.setItem("slipbin-keys", "off");
      localStorage.setItem("slipbin.draft.x", "a draft");
      sessionStorage.setItem("slipbin.form", "{}");
    }""")
    store(visitor.page, [a_row("some-entry")])
    visitor.page.reload()


def kept(visitor: Visitor) -> dict[str, str]:
    names: dict[str, str] = visitor.page.evaluate("({ ...localStorage, ...sessionStorage })")
    return names


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/settings", "Sign out"),
        ("/settings/sessions", "Sign out everywhere"),
        ("/settings/delete", "Delete my account"),
    ],
)
def test_signing_out_empties_what_is_stored_but_keeps_the_colours(
    visitor: Visitor, site: WebServer, path: str, way: str
) -> None:
    page = visitor.page
    sign_in(visitor, site)
    visitor.open(path)
    keep_something(visitor)

    if way == "Delete my account":
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("radio").first.check()
    visitor.click(page.locator("main").get_by_role("button", name=way, exact=True).first)

    assert kept(visitor) == {"slipbin-theme": "dark", "slipbin-keys": "off"}
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "#" not in page.url


def test_link_to_the_page_of_a_deleted_account_empties_nothing(visitor: Visitor) -> None:
    visitor.open("/privacy")
    keep_something(visitor)
    before = kept(visitor)

    visitor.open("/settings/delete?done=deleted")

    assert kept(visitor) == before
    assert visitor.page.get_by_role("heading", name="Your account is deleted").is_visible()


def test_script_does_it_where_the_browser_ignores_the_header_and_the_other_way_round(
    visitor: Visitor, site: WebServer
) -> None:
    page = visitor.page

    def without_header(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        route.fulfill(response=answer, headers={name: answer.headers[name] for name in ("location", "set-cookie")})

    sign_in(visitor, site)
    visitor.open("/settings")
    keep_something(visitor)
    visitor.context.route("**/sign-out", without_header)
    visitor.click(page.locator("main").get_by_role("button", name="Sign out", exact=True))
    assert kept(visitor) == {"slipbin-theme": "dark", "slipbin-keys": "off"}
    visitor.context.unroute("**/sign-out")

    sign_in(visitor, site)
    visitor.context.route("**/recents/sign_out.js*", lambda route: route.fulfill(content_type="text/javascript"))
    visitor.open("/settings")
    keep_something(visitor)
    visitor.click(page.locator("main").get_by_role("button", name="Sign out", exact=True))
    assert kept(visitor) == {}


def test_link_from_elsewhere_changes_no_colours(visitor: Visitor, target: str) -> None:
    page = visitor.page
    visitor.open(target)
    page.evaluate("address => { location.href = address; }", f"{visitor.site_address}/privacy#keep=dark,off")
    page.wait_for_url("**/privacy*")

    assert page.evaluate("localStorage.length") == 0
    assert page.evaluate("name => localStorage.getItem(name)", RECENT) is None
