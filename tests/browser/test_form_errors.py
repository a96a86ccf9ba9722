"""A refused form comes back with everything that was typed, and starts at what is wrong."""

from playwright.sync_api import Page, expect

from tests.browser.tour import send_unchecked
from tests.browser.visitor import NewVisitor, View, with_and_without_scripts
from tests.support.entries import create_link, new_alias
from tests.support.web import WebServer

Fields = dict[str, str]

PASTE: Fields = {"text": "\n  kept </textarea>\n", "title": "Kept \"title' & <b>", "alias": "", "visibility": "public"}
LINK: Fields = {"original_url": "https://example.org/kept?a=1&b", "title": "Kept", "lifetime": "P7D", "alias": ""}


def fill_in(page: Page, fields: Fields) -> None:
    if "alias" in fields and page.locator(".more").get_attribute("open") is None:
        page.locator(".more summary").click()
    for name, value in fields.items():
        place = page.locator(f"#{name}")
        if place.evaluate("element => element.localName") == "select":
            place.select_option(value)
        else:
            place.fill(value)


@with_and_without_scripts
def test_refused_form_keeps_its_fields_and_leads_to_the_wrong_one(
    new_visitor: NewVisitor, site: WebServer, view: View, has_scripts: bool
) -> None:
    visitor = new_visitor(view, has_scripts=has_scripts)
    page = visitor.page
    taken = create_link(site.client, alias=new_alias())["key"]
    cases: list[tuple[str, str, Fields, str, int]] = [
        ("/", "Create paste", PASTE | {"text": ""}, "text", 422),
        ("/", "Create paste", PASTE | {"alias": "no good!"}, "alias", 422),
        ("/?kind=link", "Create link", LINK | {"original_url": "javascript:alert(1)"}, "original_url", 422),
        ("/?kind=link", "Create link", LINK | {"alias": taken}, "", 409),
    ]
    for address, button, fields, wrong, status in cases:
        visitor.open(address)
        fill_in(page, fields)
        send_unchecked(visitor, button, status=status)

        kept = {name: page.locator(f"#{name}").input_value() for name in fields}
        assert kept == fields
        assert page.title().startswith("Error: ")
        summary = page.locator(".summary")
        # Without scripts, it gets the focus when the page is painted for the first time.
        expect(summary).to_be_focused()
        if wrong:
            assert page.locator(f"#{wrong}").get_attribute("aria-invalid") == "true"
            summary.get_by_role("link").click()
            expect(page.locator(f"#{wrong}")).to_be_focused()
        else:
            assert "That name is taken" in summary.inner_text()


def test_browser_itself_refuses_what_the_form_says_it_must(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    visitor.open("/")
    page = visitor.page

    page.get_by_role("button", name="Create paste").click()
    assert page.locator("#text").evaluate("element => element === document.activeElement && !element.validity.valid")
    page.locator("#text").fill("text")
    visitor.show_more()
    page.locator("#alias").fill("no good!")
    page.locator(".more summary").click()
    page.get_by_role("button", name="Create paste").click()
    assert page.locator("#alias").evaluate("element => element === document.activeElement && !element.validity.valid")
    page.locator("#alias").fill("")
    visitor.click("Create paste")
