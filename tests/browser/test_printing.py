"""A printed paste is its title, its facts and its text, black on white."""

from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.support.entries import create_paste
from tests.support.web import WebServer


def test_print_has_the_text_and_nothing_to_press(visitor: Visitor, site: WebServer) -> None:
    key = create_paste(site.client, text="import os\n", title="app.py", syntax="python")["key"]
    page = visitor.page
    page.emulate_media(color_scheme="dark")
    visitor.open(f"/{key}")
    expect(page.get_by_role("button", name="Copy text")).to_be_visible()

    page.emulate_media(media="print", color_scheme="dark")

    expect(page.get_by_role("heading", name="app.py")).to_be_visible()
    expect(page.get_by_text("import os")).to_be_visible()
    expect(page.locator("header.top, footer.bottom, .toast").filter(visible=True)).to_have_count(0)
    expect(page.locator("button, a.button").filter(visible=True)).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.querySelector('.paper')).backgroundColor") == "rgb(255, 255, 255)"
