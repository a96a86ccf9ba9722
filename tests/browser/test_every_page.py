"""Every page of ours in every view: axe-core finds nothing serious on it, and it never scrolls sideways."""

import pytest

from tests.browser.page_checks import content_width, serious_findings
from tests.browser.tour import LONGEST, USUAL, every_page
from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor
from tests.support.web import WebServer


@pytest.mark.parametrize(
    ("view", "has_scripts"),
    [
        (WIDE, True),
        (View(320, 740, "light", theme="dark"), True),
        (PHONE, False),
    ],
    ids=["wide", "phone-chosen-dark", "phone-no-scripts"],
)
def test_nothing_serious_is_found_on_any_page(
    new_visitor: NewVisitor, view: View, has_scripts: bool, site: WebServer
) -> None:
    visitor = new_visitor(view)
    if not has_scripts:
        visitor.leave_out_scripts()
    findings: dict[str, list[str]] = {}

    for name in every_page(visitor, site.client, USUAL):
        if found := serious_findings(visitor.page):
            findings[name] = found
        assert content_width(visitor.page) == view.width, name

    assert findings == {}


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_longest_contents_scroll_no_page_sideways(new_visitor: NewVisitor, view: View, site: WebServer) -> None:
    visitor = new_visitor(view)

    widths = {name: content_width(visitor.page) for name in every_page(visitor, site.client, LONGEST)}

    assert {name: width for name, width in widths.items() if width != view.width} == {}


@pytest.mark.parametrize("address", ["/", "/?kind=link"])
def test_button_of_a_form_is_seen_without_scrolling(visitor: Visitor, address: str) -> None:
    visitor.open(address)

    button = visitor.page.locator("form button[type=submit]").bounding_box()

    assert button is not None
    assert button["y"] + button["height"] < visitor.view.height
