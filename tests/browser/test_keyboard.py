"""Everything can be done from the keyboard alone, and one always sees where one is."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor

# What is wrong with the sight of the element that has the focus; a field within a frame shows it on the frame.
_TROUBLE_WITH_FOCUS = """() => {
  const element = document.activeElement;
  if (element === document.body) return "nothing has the focus";
  const shown = element.closest(".prefixed") ?? element.closest(".open-file, label.chip:has(select)")
    ?? (element.type === "radio" ? element.nextElementSibling : element);
  const style = getComputedStyle(shown);
  const box = shown.getBoundingClientRect();
  const name = element.outerHTML.slice(0, 200);
  if (!element.matches(":focus-visible")) return `focus is not visible: ${name}`;
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return `no outline: ${name}`;
  if (box.width < 8 || box.height < 8) return `too small to be seen: ${name}`;
  if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) return `outside: ${name}`;
  return null;
}"""


def has_focus(place: Locator) -> bool:
    is_focused: bool = place.evaluate("element => element === document.activeElement")
    return is_focused


def walk_to(visitor: Visitor, place: Locator, *, key: str = "Tab") -> int:
    """Press `key` until `place` has the focus, looking at each stop; return how many stops that took."""
    for stops in range(1, 60):
        visitor.page.keyboard.press(key)
        trouble = visitor.page.evaluate(_TROUBLE_WITH_FOCUS)
        assert trouble is None, trouble
        if has_focus(place):
            return stops
    raise AssertionError(f"{place} is never reached with {key}")


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_paste_is_made_and_read_without_a_pointer(new_visitor: NewVisitor, view: View) -> None:
    visitor = new_visitor(view)
    page, keyboard = visitor.page, visitor.page.keyboard
    visitor.open("/")

    # It starts in the text.
    expect(page.locator("#text")).to_be_focused()
    walk_to(visitor, page.get_by_role("link", name="Skip to content"), key="Shift+Tab")
    keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    walk_to(visitor, page.locator("#title"))
    keyboard.type("By hand")
    walk_to(visitor, page.locator("#syntax"))
    keyboard.type("Python")
    walk_to(visitor, page.locator("#text"))
    keyboard.type("if so:")
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.type("do()")
    keyboard.press("Escape")
    # Passing the text again, one is not held in it.
    walk_to(visitor, page.locator("#kind-paste"), key="Shift+Tab")
    walk_to(visitor, page.locator("#visibility"))
    keyboard.press("ArrowDown")
    walk_to(visitor, page.locator(".more summary"))
    keyboard.press("Space")
    walk_to(visitor, page.locator("#alias"))
    walk_to(visitor, page.get_by_role("button", name="Create paste"))
    visitor.press("Space")

    address = visitor.short_link()
    expect(page.get_by_role("button", name="Copy link")).to_be_focused()
    keyboard.press("Enter")
    page.get_by_text("Link copied").wait_for()
    assert visitor.clipboard() == address
    assert page.url == address
    assert page.locator("#text li").all_text_contents() == ["if so:\n", "\tdo()"]
    assert "By hand" in page.title()
    assert "Python" in visitor.main_text()
    walk_to(visitor, page.locator("#sheet"))
    # All line numbers are one stop.
    assert walk_to(visitor, page.locator("#L1 > .number")) == 1
    keyboard.press("ArrowDown")
    assert has_focus(page.locator("#L2 > .number"))
    keyboard.press("Enter")
    assert visitor.path().endswith("#L2")
    walk_to(visitor, page.get_by_role("link", name="Slipbin"), key="Shift+Tab")
    visitor.press("Enter")
    assert visitor.path() == "/"


def test_link_is_made_and_deleted_without_a_pointer(new_visitor: NewVisitor, target: str) -> None:
    visitor = new_visitor()
    page, keyboard = visitor.page, visitor.page.keyboard
    visitor.open("/")
    # It starts in the text, one step behind what is over it.
    expect(page.locator("#text")).to_be_focused()
    walk_to(visitor, page.locator("#kind-paste"), key="Shift+Tab")
    keyboard.press("ArrowRight")
    walk_to(visitor, page.locator("#original_url"))
    keyboard.type(f"{target}/by-hand")
    visitor.press("Enter")

    address = visitor.short_link()
    walk_to(visitor, page.locator(".strip summary"))
    keyboard.press("Enter")
    walk_to(visitor, page.get_by_role("link", name="Manage", exact=True))
    visitor.press("Enter")
    walk_to(visitor, page.locator("#lifetime"))
    keyboard.type("1 hour")
    walk_to(visitor, page.get_by_role("button", name="Change"))
    visitor.press("Enter")
    assert page.get_by_text("Expiry changed.").is_visible()
    walk_to(visitor, page.locator("#confirm"))
    keyboard.press("Space")
    walk_to(visitor, page.get_by_role("button", name="Delete link"))
    visitor.press("Space")

    assert "deleted" in visitor.main_text()
    visitor.open(address, status=410)


@pytest.mark.parametrize(("path", "field"), [("/sign-in", "#name"), ("/register", "#email"), ("/forgot", "#email")])
def test_forms_of_accounts_begin_in_their_first_field(visitor: Visitor, path: str, field: str) -> None:
    visitor.open(path)

    expect(visitor.page.locator(field)).to_be_focused()
