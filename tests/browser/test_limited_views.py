"""Entries that can be viewed so many times: a page asks before a view is spent, and shows nothing until then."""

import pytest

from tests.browser.visitor import PHONE, WIDE, NewVisitor, View
from tests.support.entries import create_link, create_paste
from tests.support.web import WebServer

in_both = pytest.mark.parametrize(
    ("view", "has_scripts"), [(WIDE, True), (PHONE, True), (PHONE, False)], ids=["wide", "phone", "no-scripts"]
)


@in_both
def test_paste_burns_after_reading(new_visitor: NewVisitor, view: View, has_scripts: bool) -> None:
    owner, reader = new_visitor(view, has_scripts=has_scripts), new_visitor(view, has_scripts=has_scripts)
    owner.open("/")
    owner.page.get_by_label("Text", exact=True).fill("for your eyes only")
    owner.page.get_by_label("Title").fill("A secret title")
    owner.page.get_by_label("Burn after reading").check()
    owner.click("Create paste")
    address = owner.short_link()
    assert "can be viewed once" in owner.main_text()

    for _ in range(2):
        reader.open(address)
        assert "can be viewed once" in reader.main_text()
        assert "secret" not in reader.page.content()
        assert "eyes only" not in reader.page.content()
    reader.click("Show the text")
    assert reader.page.locator("#text").text_content() == "for your eyes only"
    # Without scripts it would hold nothing that can be pressed.
    assert reader.page.locator(".bar").is_visible() == has_scripts
    assert "This was the last view" in reader.main_text()

    for visitor in (owner, reader):
        visitor.open(address, status=410)


@in_both
def test_link_asks_before_each_of_its_views(
    new_visitor: NewVisitor, site: WebServer, target: str, view: View, has_scripts: bool
) -> None:
    visitor = new_visitor(view, has_scripts=has_scripts)
    link = create_link(site.client, original_url=f"{target}/limited", views=2)

    for left in ("2 more times", "once"):
        visitor.open(f"/{link['key']}")
        assert f"can be followed {left}" in visitor.main_text()
        assert target not in visitor.page.content()
        visitor.click("Follow the link")
        assert visitor.page.url == f"{target}/limited"
    visitor.open(f"/{link['key']}", status=410)


def test_going_back_to_what_was_shown_spends_no_view_unasked(new_visitor: NewVisitor, site: WebServer) -> None:
    visitor = new_visitor()
    paste = create_paste(site.client, views=5)
    visitor.open(f"/{paste['key']}")
    visitor.click("Show the text")
    assert "4 views left" in visitor.main_text()

    visitor.open("/")
    visitor.open(f"/{paste['key']}/reveal")

    assert visitor.path() == f"/{paste['key']}"
    assert "4 more times" in visitor.main_text()
