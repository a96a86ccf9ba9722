"""What docs/clients.md gives for browsers: its bookmarklet on pages of other sites, and its address for a keyword."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.engines import REPOSITORY
from tests.support.foreign_clients import DOCUMENTED_HOST
from tests.support.web import WebServer

POLICIES = (
    "default-src 'none'",
    "script-src 'nonce-x' 'strict-dynamic'; require-trusted-types-for 'script'; trusted-types 'none'",
    "sandbox allow-scripts",
)
TITLE = 'Fünf & "sechs" #7'


def recipe(heading: str, site: WebServer) -> str:
    """The block of a section of docs/clients.md, with the address of this service."""
    page = (REPOSITORY / "docs/clients.md").read_text()
    match = re.search(rf"^## {heading}\n.*?^```\w+\n(.*?)\n```", page, re.DOTALL | re.MULTILINE)
    assert match is not None, heading
    return match[1].replace(f"https://{DOCUMENTED_HOST}", site.address)


@pytest.fixture
def any_page(browser: Browser) -> Page:
    return browser.new_context().new_page()


@pytest.mark.parametrize("policy", POLICIES)
def test_bookmarklet_works_whatever_a_page_forbids(any_page: Page, site: WebServer, target: str, policy: str) -> None:
    address = f"{target}/some/page?a=1&b=%20c#part"
    html = f"<!doctype html><title>{TITLE.replace('&', '&amp;')}</title><h1>A page</h1>"
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
    any_page.route(f"{target}/**", lambda route: route.fulfill(body=html, headers=headers))
    any_page.goto(address)

    # As a click on a bookmark does: the browser itself opens its address in the page.
    any_page.context.new_cdp_session(any_page).send("Page.navigate", {"url": recipe("Bookmarklet", site)})

    expect(any_page.locator("#original_url")).to_have_value(address)
    expect(any_page.locator("#title")).to_have_value(TITLE)


def test_keyword_opens_the_form_with_what_was_typed(any_page: Page, site: WebServer) -> None:
    typed = "https://example.org/ü?a=1&b=2#c"

    any_page.goto(recipe("Browser search keyword", site).replace("%s", quote(typed, safe="")))

    expect(any_page.locator("#original_url")).to_have_value(typed)
    expect(any_page.locator("#kind-link")).to_be_checked()
