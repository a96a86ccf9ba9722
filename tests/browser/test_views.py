"""Views of a paste can be read by everyone, in every window, with and without scripts."""

from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.page_checks import content_width, serious_findings
from tests.browser.visitor import NewVisitor, View, Visitor
from tests.support.entries import create_paste
from tests.support.previews import page_with_preview
from tests.support.web import WebServer

_LONG = "and-a-word-that-is-longer-than-any-window-of-a-phone-could-ever-be-" * 3
TEXTS = {
    "markdown": f"""---
title: Notes
---
# Notes

## Notes

Some *words*, `code`, a [link](https://example.org), {_LONG}, a ![picture](https://example.org/x.png) and a note[^1].

- [x] done
- [ ] to do

> [!WARNING]
> Take care.

| name | {"count | " * 12}
|--|{"--:|" * 12}
| x | {"1 | " * 12}

```python
for x in range(10):  # {_LONG}
    print("x")
```

[^1]: A note.
""",
    "csv": f"name,{'count,' * 20}remark\n" + f"x,{'1234567890,' * 20}{_LONG}\n" * 50,
    "json": '{"a": [1, 2.50, {"b": "' + _LONG + '"}]}',
    "diff": f"diff --git a/{_LONG} b/{_LONG}\n--- a/{_LONG}\n+++ b/{_LONG}\n@@ -1 +1 @@\n-{_LONG}\n+{_LONG}\n",
    "ansi": "".join(f"\x1b[{30 + at};{41 + at}m{_LONG}\x1b[0m \x1b[{91 + at}mx\x1b[0m\n" for at in range(7)),
}


@pytest.fixture(scope="module")
def pastes(site: WebServer) -> dict[str, str]:
    """Keys of pastes by their language, the previews of which are made."""
    keys = {syntax: create_paste(site.client, text=text, syntax=syntax)["key"] for syntax, text in TEXTS.items()}
    for key in keys.values():
        page_with_preview(site.client, key)
    return keys


@pytest.mark.parametrize("view", [View(1280, 800, "light"), View(320, 640, "dark")], ids=str)
def test_views_have_no_serious_findings_and_fit_into_the_window(
    new_visitor: NewVisitor, pastes: dict[str, str], view: View
) -> None:
    visitor = new_visitor(view)
    for syntax, key in pastes.items():
        visitor.open(f"/{key}?view=preview")

        assert visitor.page.locator(".segments [aria-current]").inner_text() == "Preview"
        assert content_width(visitor.page) == view.width, syntax
        if syntax in {"markdown", "csv"}:
            assert serious_findings(visitor.page) == [], syntax


def test_markdown_opens_in_its_preview_and_links_lead_to_the_code_and_back(
    new_visitor: NewVisitor, pastes: dict[str, str]
) -> None:
    visitor = new_visitor(has_scripts=False)
    visitor.open(f"/{pastes['markdown']}")

    assert visitor.page.locator("#sheet h3").inner_text() == "Notes #"
    visitor.click("Code")
    assert visitor.page.locator("#L1").inner_text().strip() == "---"
    visitor.click("Preview")
    assert visitor.page.locator("#sheet h3").count() == 1
    visitor.page.locator("#sheet h3").hover()
    visitor.page.locator("#sheet h3 a").click()
    assert visitor.path().endswith("?view=preview#doc-notes-1")


def test_what_is_copied_in_a_preview_is_the_text(visitor: Visitor, site: WebServer) -> None:
    text = "\n\n# <b>\r\n\0 &amp;\n"
    key = create_paste(site.client, text=text, syntax="markdown")["key"]
    page_with_preview(site.client, key)

    visitor.open(f"/{key}")
    visitor.page.get_by_role("button", name="Copy text").click()

    visitor.page.get_by_text("Text copied").wait_for()
    assert visitor.clipboard() == text


def test_button_to_show_another_language_comes_once_one_is_wanted(
    new_visitor: NewVisitor, pastes: dict[str, str]
) -> None:
    visitor = new_visitor(has_scripts=False)
    visitor.open(f"/{pastes['json']}")
    languages, show = visitor.page.get_by_label("Language to show it in"), visitor.control("Show")
    expect(show).to_be_hidden()

    languages.focus()
    expect(show).to_be_visible()
    languages.select_option("yaml")
    visitor.page.locator("h1").click()
    visitor.click(show)

    assert visitor.path().endswith("lang=yaml")
    expect(show).to_be_hidden()


@pytest.mark.parametrize("media", ["screen", "print"])
def test_language_is_whole_with_the_outline_of_its_focus(
    visitor: Visitor, pastes: dict[str, str], media: Literal["screen", "print"]
) -> None:
    visitor.open(f"/{pastes['json']}")
    visitor.page.emulate_media(media=media)
    visitor.page.get_by_label("Language to show it in").focus()

    cut = visitor.page.evaluate(
        """() => {
          const [select, facts] = [document.activeElement, document.activeElement.closest(".facts")];
          const style = getComputedStyle(select);
          const outline = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
          const clip = getComputedStyle(facts).clipPath.match(/-?[0-9.]+(?=px)/g).map(Number);
          const [top, right = top, bottom = top, left = right] = clip;
          const [inner, outer] = [select, facts].map((each) => each.getBoundingClientRect());
          return {
            top: outer.top + top - (inner.top - outline),
            left: outer.left + left - (inner.left - outline),
            right: inner.right + outline - (outer.right - right),
            bottom: inner.bottom + outline - (outer.bottom - bottom),
          };
        }"""
    )
    assert {side: pixels for side, pixels in cut.items() if pixels > 0} == {}
