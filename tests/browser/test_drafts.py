"""Drafts: what is typed survives reload, back and a closed tab, until it is created, discarded, secret or old."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visitor import NewVisitor, Visitor
from tests.support.waiting import eventually

TEXT = "def first():\n\treturn 1\n"


def stored(page: Page) -> list[dict[str, Any]]:
    """The drafts that the browser keeps, whatever their tab."""
    found: list[str] = page.evaluate(
        "Object.keys(localStorage).filter(key => key.startsWith('slipbin.draft.')).map(key => localStorage[key])"
    )
    return [json.loads(each) for each in found]


def form_id(page: Page) -> str:
    return page.locator("[name=form_id]").input_value()


def write(visitor: Visitor, text: str, *, page: Page | None = None) -> None:
    """Type the text and wait until it is kept."""
    page = page or visitor.page
    page.locator("#text").fill(text)
    expect(page.locator("#draft-state")).to_have_text("Draft saved")


def expect_text(page: Page, text: str) -> None:
    expect(page.locator("#text")).to_have_value(text)


def is_offered_another(page: Page, text: str) -> bool:
    """Whether a tab, loaded anew, offers the draft of another: it takes one for closed that a busy machine keeps from
    answering within 0.25 s."""
    page.reload()
    expect_text(page, text)
    expect(page.locator("form.editor[data-asked]")).to_have_count(1)
    return page.locator("#draft-offer").is_visible()


def test_draft_survives_reload_and_back_and_is_gone_on(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.locator("#title").fill("app.py")
    page.get_by_label("Expires in").select_option(label="7 days")
    write(visitor, TEXT)
    own_id = form_id(page)

    page.reload()
    expect_text(page, TEXT)
    assert page.locator("#title").input_value() == "app.py"
    assert page.locator("#syntax").input_value() == "python"
    assert page.locator("#lifetime").input_value() == "P7D"
    assert form_id(page) == own_id, "if only the answer got lost, it is not created twice"
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("more")
    expect(page.locator("#text")).to_have_value(TEXT + "more")
    visitor.open("/privacy")
    page.go_back()
    expect_text(page, TEXT + "more")

    # What was refused is kept, too; and the kind, when it is a link.
    page.get_by_label("Link", exact=True).check()
    page.get_by_label("URL to shorten").fill("javascript:alert(1)")
    visitor.click("Create link", status=422)
    expect(page.locator("#draft-state")).to_have_text("Draft saved")
    visitor.open("/")
    assert page.get_by_label("URL to shorten").input_value() == "javascript:alert(1)"
    page.get_by_label("Text paste").check()
    expect_text(page, TEXT + "more")
    # Nor is it gone once the link is made.
    page.get_by_label("Link", exact=True).check()
    page.get_by_label("URL to shorten").fill("https://example.org/")
    visitor.click("Create link")
    visitor.open("/")
    expect_text(page, TEXT + "more")
    assert page.get_by_label("URL to shorten").input_value() == ""


def test_created_entry_leaves_no_draft_and_back_leads_to_an_empty_editor(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    write(visitor, TEXT)
    own_id = form_id(page)
    visitor.click("Create paste")
    address = page.url
    assert stored(page) == []

    page.go_back()
    expect_text(page, "")
    assert form_id(page) != own_id
    write(visitor, TEXT)
    visitor.click("Create paste")
    assert page.url != address, "the same text again is another paste"
    # Going back to what was created ends no draft that was begun since.
    visitor.open("/")
    write(visitor, "begun since")
    page.go_back()
    assert page.locator(".strip").is_visible()
    visitor.open("/")
    expect_text(page, "begun since")


_SHOW_AGAIN = """() => {
  document.dispatchEvent(new Event("visibilitychange"));
  dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
}"""
"""What a browser tells a page that it has kept as it was left, in its order. That of the tests keeps none."""


def test_kept_page_is_emptied_once_its_paste_is_made_and_else_stays(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    write(visitor, TEXT)
    own_id = form_id(page)

    page.evaluate(_SHOW_AGAIN)
    assert page.locator("#text").input_value() == TEXT
    assert form_id(page) == own_id
    assert [draft["text"] for draft in stored(page)] == [TEXT]

    # As the page of the paste, which the same tab has shown meanwhile, leaves it.
    page.evaluate(
        """id => {
          localStorage.removeItem(`slipbin.draft.${id}`);
          sessionStorage["slipbin.created"] = JSON.stringify([id]);
        }""",
        own_id,
    )
    page.evaluate(_SHOW_AGAIN)
    expect_text(page, "")
    assert stored(page) == []
    assert form_id(page) != own_id
    write(visitor, TEXT)
    assert [draft["text"] for draft in stored(page)] == [TEXT]


def test_nothing_is_kept_of_what_is_to_be_secret(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    write(visitor, TEXT)
    assert [draft["text"] for draft in stored(page)] == [TEXT]

    page.get_by_label("Burn after reading").check()
    assert stored(page) == []
    page.locator("#text").fill("to be burnt")
    expect(page.locator("#draft-state")).to_have_text("Not kept as a draft")
    page.reload()
    expect_text(page, "")
    assert stored(page) == []
    visitor.show_more()
    page.locator("#views").fill("1")
    page.locator("#text").fill("once")
    expect(page.locator("#draft-state")).to_have_text("Not kept as a draft")
    page.locator("#views").fill("2")
    expect(page.locator("#draft-state")).to_have_text("Draft saved")
    assert [draft["text"] for draft in stored(page)] == ["once"]


def test_each_tab_has_its_own_draft(visitor: Visitor) -> None:
    one = visitor.page
    visitor.open("/")
    write(visitor, "in the first")
    other = visitor.context.new_page()
    other.goto(visitor.site_address)
    expect_text(other, "")
    write(visitor, "in the second", page=other)
    for page, text in ((one, "in the first"), (other, "in the second")):
        # Neither is offered the draft of a tab that is still there.
        eventually(lambda page=page, text=text: not is_offered_another(page, text), "a tab that asks and is answered")

    # A window that is opened from another begins with what that knows, as a tab does that is duplicated.
    with visitor.context.expect_page() as opened:
        one.evaluate("() => { window.open('/'); }")
    copy = opened.value
    expect_text(copy, "in the first")
    expect(copy.locator("[name=form_id]")).not_to_have_value(form_id(one))
    write(visitor, "in the copy", page=copy)
    one.reload()
    expect_text(one, "in the first")


def test_draft_of_a_tab_that_is_no_more_is_offered(visitor: Visitor) -> None:
    visitor.open("/")
    write(visitor, "lost <b>\nand found")
    visitor.page.close()
    page = visitor.page = visitor.context.new_page()
    visitor.open("/")

    offer = page.locator("#draft-offer")
    expect(offer).to_contain_text("You have an unfinished draft: lost <b>")
    expect_text(page, "")
    offer.get_by_role("button", name="Restore").click()
    expect_text(page, "lost <b>\nand found")
    assert len(stored(page)) == 1
    page.reload()
    expect_text(page, "lost <b>\nand found")

    # After a week it is over, and nothing is left of it.
    page.evaluate(
        """() => {
          const name = Object.keys(localStorage).find(key => key.startsWith("slipbin.draft."));
          const draft = JSON.parse(localStorage[name]);
          window.stop();
          document.querySelector("form.editor").editing.set("");
          localStorage[name] = JSON.stringify({ ...draft, saved: Date.now() - 7 * 24 * 3600 * 1000 - 1 });
          sessionStorage.clear();
        }"""
    )
    other = visitor.context.new_page()
    other.goto(visitor.site_address)
    expect_text(other, "")
    assert stored(other) == []


def test_prefill_is_shown_and_overwrites_no_draft(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    write(visitor, "mine")

    visitor.open("/?text=given&title=given.rb")
    expect_text(page, "given")
    assert page.locator("#title").input_value() == "given.rb"
    assert [draft["text"] for draft in stored(page)] == ["mine"]
    write(visitor, "given, and changed")
    page.reload()
    expect_text(page, "given, and changed")
    visitor.open("/")
    expect_text(page, "mine")
    visitor.open("/?text=given&title=given.rb")
    expect_text(page, "given")


def test_discard_empties_the_form_and_can_be_taken_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    expect(page.get_by_role("button", name="Discard")).to_have_count(0)
    page.locator("#title").fill("app.py")
    write(visitor, TEXT)

    page.get_by_role("button", name="Discard").click()
    expect_text(page, "")
    assert page.locator("#title").input_value() == ""
    assert stored(page) == []
    page.get_by_role("button", name="Undo").click()
    expect_text(page, TEXT)
    assert page.locator("#title").input_value() == "app.py"
    expect(page.locator("#draft-state")).to_have_text("Draft saved")


FORBIDDEN = (
    "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('off', 'SecurityError'); } })"
)
"""Makes `localStorage` fail, as in a browser that is told to keep nothing of a site."""


@pytest.mark.parametrize(
    ("prepare", "text", "said"),
    [
        ("localStorage.other = 'x'.repeat(5 * 1024 * 1024 - 100)", "x" * 2_000, "Draft not saved: no room"),
        ("0", "x" * 1_000_001, "Draft not saved: too long"),
        (FORBIDDEN, TEXT, "Draft not saved: storage is blocked"),
    ],
    ids=["full", "too-long", "forbidden"],
)
def test_it_is_said_when_a_draft_is_not_kept(visitor: Visitor, prepare: str, text: str, said: str) -> None:
    page = visitor.page
    visitor.open("/")
    page.evaluate(f"() => {{ {prepare}; }}")

    page.evaluate("text => document.querySelector('form.editor').editing.set(text)", text)

    expect(page.locator("#draft-state")).to_have_text(said)
    if prepare != FORBIDDEN:
        assert stored(page) == []


def test_another_error_is_told_as_such_and_not_as_no_room(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.evaluate(
        """() => {
          window.told = [];
          addEventListener("error", (event) => { told.push(event.message); event.preventDefault(); });
          Storage.prototype.setItem = () => { throw new TypeError("a mistake"); };
        }"""
    )

    page.locator("#text").fill(TEXT)

    expect(page.locator("#draft-state")).to_have_text("Draft not saved")
    assert "a mistake" in page.evaluate("told[0]")


def test_lifetime_and_visibility_are_remembered_where_nothing_else_says(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    page = visitor.page
    visitor.open("/")
    page.get_by_label("Expires in").select_option(label="1 hour")
    page.get_by_label("Visibility").select_option("public")
    page.locator("#text").fill("one")
    visitor.click("Create paste")

    visitor.open("/")
    assert page.locator("#lifetime").input_value() == "PT1H"
    assert page.locator("#visibility").input_value() == "public"
    # What comes back to be mended is as it was sent.
    page.get_by_label("Visibility").select_option("unlisted")
    page.get_by_label("Expires in").select_option(index=0)
    visitor.show_more()
    page.locator("#alias").fill("docs")
    page.locator("#text").fill("two")
    visitor.click("Create paste", status=422)
    assert page.locator("#visibility").input_value() == "unlisted"
    assert page.locator("#lifetime").input_value() == ""
