"""Lines of a paste can be marked, and an address with a range marks it again."""

import pytest
from playwright.sync_api import Page

from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor
from tests.support.entries import create_paste
from tests.support.web import WebServer


@pytest.fixture(scope="module")
def address(site: WebServer) -> str:
    """A paste of 300 lines."""
    text = "".join(f"line {number}\n" for number in range(1, 301))
    return f"/{create_paste(site.client, text=text)['key']}"


def number(visitor: Visitor, line: int) -> None:
    """Click the number of a line."""
    visitor.page.locator(f"#L{line} > a").click()


def marked(page: Page) -> list[str]:
    lines: list[str] = page.locator(".line.marked").evaluate_all("lines => lines.map(line => line.id)")
    return lines


def lines(first: int, last: int) -> list[str]:
    return [f"L{line}" for line in range(first, last + 1)]


def test_line_ends_of_other_systems_are_copied_as_they_are(visitor: Visitor, site: WebServer) -> None:
    text = "one\r\n\r\ntwo\nthree\r\n"
    long_text = "line\r\n" * 200_000
    for kept, element in ((text, ".lines"), (long_text, ".plain")):
        visitor.open(f"/{create_paste(site.client, text=kept)['key']}")

        shown = visitor.page.locator(element).evaluate(
            "element => element.matches('.plain') ? element.textContent"
            " : Array.from(element.querySelectorAll('.text'), line => line.textContent).join('')"
        )
        assert shown == kept


def test_shift_click_marks_a_range(visitor: Visitor, address: str) -> None:
    page = visitor.page
    visitor.open(address)

    number(visitor, 3)
    assert (visitor.path(), marked(page)) == (f"{address}#L3", ["L3"])
    page.locator("#L9 > a").click(modifiers=["Shift"])
    assert (visitor.path(), marked(page)) == (f"{address}#L3-L9", lines(3, 9))
    assert page.evaluate("getSelection().toString()") == ""
    assert page.locator("#status").text_content() == "Lines 3 to 9 marked"
    page.locator("#L1 > a").click(modifiers=["Shift"])
    assert (visitor.path(), marked(page)) == (f"{address}#L1-L3", lines(1, 3))
    page.go_back()
    assert (visitor.path(), marked(page)) == (f"{address}#L3-L9", lines(3, 9))
    page.get_by_role("button", name="Copy text").click()
    page.get_by_text("Text copied").wait_for()
    assert visitor.clipboard().startswith("line 1\nline 2\n")


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("#L3-L9", lines(3, 9)),
        ("#L9-L3", lines(3, 9)),
        ("#L290-999999999", lines(290, 300)),
        ("#L250", ["L250"]),
        ("#L301", []),
        ("#L0", []),
        ("#L3-<img>", []),
    ],
)
def test_address_alone_marks_its_lines(visitor: Visitor, address: str, fragment: str, expected: list[str]) -> None:
    visitor.open(address + fragment)

    assert marked(visitor.page) == expected
    if expected:
        first = visitor.page.locator(f"#{expected[0]}").bounding_box()
        assert first is not None
        assert 0 <= first["y"] < visitor.view.height


def test_browser_without_scripts_marks_a_line_itself(new_visitor: NewVisitor, address: str) -> None:
    visitor = new_visitor(has_scripts=False)

    visitor.open(f"{address}#L200")

    colours = visitor.page.locator("#L199, #L200").evaluate_all(
        "lines => lines.map(line => getComputedStyle(line).backgroundColor)"
    )
    assert colours == ["rgba(0, 0, 0, 0)", "rgb(255, 244, 201)"]


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_line_without_any_gap_begins_beside_its_number(new_visitor: NewVisitor, site: WebServer, view: View) -> None:
    visitor = new_visitor(view)
    text = "W" * 1000 + "\n\n" + "W" * 1000
    visitor.open(f"/{create_paste(site.client, text=text)['key']}")

    for line in ("L1", "L3"):
        tops = visitor.page.locator(f"#{line}").evaluate(
            "line => Array.from(line.children, (part) => part.getClientRects()[0].top)"
        )
        assert abs(tops[0] - tops[1]) < 8
    empty = visitor.page.locator("#L2").bounding_box()
    assert empty is not None
    assert empty["height"] == (19 if view.is_phone else 20)
