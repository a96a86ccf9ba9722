"""Lines of a paste can be marked, and an address with a range marks it again."""

import pytest
from playwright.sync_api import Page

from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor
from tests.support.entries import create_paste
from tests.support.web import WebServer


@pytest.fixture(scope="module")
def address(site: WebServer) -> str:
    """The path of a paste of 300 lines."""
    text = "".join(f"line {number}\n" for number in range(1, 301))
    return f"/{create_paste(site.client, text=text)['key']}"


def click_number(page: Page, line: int, *, with_shift: bool = False) -> None:
    page.locator(f"#L{line}").click(position={"x": 12, "y": 8}, modifiers=["Shift"] if with_shift else [])


def marked(page: Page) -> list[str]:
    lines: list[str] = page.locator("li.marked").evaluate_all("lines => lines.map(line => line.id)")
    return lines


def lines(first: int, last: int) -> list[str]:
    return [f"L{line}" for line in range(first, last + 1)]


def test_line_ends_of_other_systems_are_copied_as_they_are(visitor: Visitor, site: WebServer) -> None:
    text = "one\r\n\r\ntwo\nthree\r\n"
    long_text = "line\r\n" * 200_000
    for kept in (text, long_text):
        visitor.open(f"/{create_paste(site.client, text=kept)['key']}")

        assert visitor.page.locator("#text").text_content() == kept


def test_shift_click_marks_a_range(visitor: Visitor, address: str) -> None:
    page = visitor.page
    visitor.open(address)

    click_number(page, 3)
    assert (visitor.path(), marked(page)) == (f"{address}#L3", ["L3"])
    click_number(page, 9, with_shift=True)
    assert (visitor.path(), marked(page)) == (f"{address}#L3-L9", lines(3, 9))
    assert page.evaluate("getSelection().toString()") == ""
    assert page.locator("#status").text_content() == "Lines 3 to 9 marked"
    click_number(page, 1, with_shift=True)
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
        box = visitor.page.locator(f"#{line}").bounding_box()
        first = visitor.page.locator(f"#{line}").evaluate(
            """line => {
                const range = document.createRange();
                range.setStart(line.lastChild, 0);
                range.setEnd(line.lastChild, 1);
                return range.getBoundingClientRect().top;
            }"""
        )
        assert box is not None
        assert abs(first - box["y"]) < 8
    empty = visitor.page.locator("#L2").bounding_box()
    assert empty is not None
    assert empty["height"] == (19 if view.is_phone else 20)


@pytest.fixture(scope="module")
def many_lines() -> str:
    return "".join(f"line {number}\r\n" for number in range(1, 25_001))


def test_line_of_many_can_be_linked_to_and_marked(visitor: Visitor, site: WebServer, many_lines: str) -> None:
    page = visitor.page
    address = f"/{create_paste(site.client, text=many_lines)['key']}"

    visitor.open(f"{address}#L24500")
    assert marked(page) == ["L24500"]
    line = page.locator("#L24500")
    assert line.text_content() == "line 24500\r\n"
    box = line.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < visitor.view.height
    click_number(page, 24_498)
    click_number(page, 24_502, with_shift=True)
    assert (visitor.path(), marked(page)) == (f"{address}#L24498-L24502", lines(24_498, 24_502))
    page.locator(".number").focus()
    page.keyboard.press("End")
    assert page.locator("#L25000 > .number").evaluate("number => number === document.activeElement")
    page.evaluate("location.hash = '#L19999-L23500'")
    page.locator("#L23500.marked").wait_for()
    ends = [page.locator(f"#L{line}.marked").count() for line in (19_998, 19_999, 20_000, 21_001, 23_500, 23_501)]
    assert ends == [0, 1, 1, 1, 1, 0]
    assert page.locator("#text").text_content() == many_lines


def test_long_line_is_shown_in_pieces_that_no_selection_tears(visitor: Visitor, site: WebServer) -> None:
    text = "words and \N{FAMILY}\N{COMBINING ACUTE ACCENT} signs " * 5_000
    visitor.open(f"/{create_paste(site.client, text=text)['key']}")
    page = visitor.page

    assert page.locator("#L1 > .p").count() > 10
    assert page.locator("#text").text_content() == text
    selected = page.evaluate("getSelection().selectAllChildren(document.getElementById('L1')) ?? `${getSelection()}`")
    assert selected.strip() == text.strip()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
