"""Swagger UI and ReDoc start in our frame, under our policy; what they are made of is others' work."""

import pytest

from tests.browser.page_checks import content_width
from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor

SLOW_MS = 120_000
"""Megabytes of scripts start here, for which a loaded machine takes its time."""


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_both_pages_show_the_api_and_load_nothing_from_elsewhere(new_visitor: NewVisitor, view: View) -> None:
    visitor = new_visitor(view)
    page = visitor.page
    page.set_default_timeout(SLOW_MS)

    visitor.open("/docs")
    page.get_by_text("/api/v1/pastes").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.locator(".opblock-summary-control").first.click()
    page.locator(".opblock-body").first.wait_for()
    assert content_width(page) == view.width

    visitor.open("/redoc")
    page.locator("#redoc h1").first.wait_for()
    page.wait_for_load_state("networkidle")
    assert content_width(page) == view.width


def test_both_pages_follow_the_switch_of_colours_and_lead_back(visitor: Visitor) -> None:
    page = visitor.page
    page.set_default_timeout(SLOW_MS)
    for address, shown in (("/docs", "#swagger .info"), ("/redoc", "#redoc h1")):
        visitor.open(address)
        page.locator(shown).first.wait_for()
        page.wait_for_load_state("networkidle")
        assert ink_of(visitor, shown) < 128
        for _ in ("light", "dark"):
            page.get_by_role("button", name="Colours").click()
        page.locator(shown).first.wait_for()
        page.wait_for_load_state("networkidle")
        assert ink_of(visitor, shown) > 128
        page.get_by_role("button", name="Colours").click()
        links = page.locator(".docs-head nav a").evaluate_all("links => links.map((link) => link.pathname)")
        assert links == ["/api", "/docs", "/redoc"]
        assert page.locator(".brand").get_attribute("href") == "/"


def ink_of(visitor: Visitor, place: str) -> int:
    """How bright the text is, from 0 to 255: its red."""
    red: int = visitor.page.locator(place).first.evaluate("e => parseInt(getComputedStyle(e).color.match(/\\d+/)[0])")
    return red


def test_example_is_copied_as_it_stands(visitor: Visitor) -> None:
    visitor.open("/api")
    place = visitor.page.locator("#burn-command")

    visitor.page.locator("#burn").get_by_role("button", name="Copy").click()
    visitor.page.get_by_text("Command copied").wait_for()

    assert visitor.clipboard() == place.text_content()
    assert visitor.clipboard().startswith(f"curl -s {visitor.site_address}/api/v1/pastes \\\n")
