"""Files that are opened, dropped and pasted, texts that are too long for a text area, and a text that is one URL."""

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.visitor import PHONE, NewVisitor, Visitor
from tests.support.entries import create_paste
from tests.support.web import WebServer

_DROP = """([names, contents]) => {
  const transfer = new DataTransfer();
  names.forEach((name, at) => transfer.items.add(new File([new Uint8Array(contents[at])], name)));
  for (const type of ["dragover", "drop"]) {
    document.querySelector("footer").dispatchEvent(
      new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }
}"""

_PASTE = """([text, file]) => {
  const clipboardData = new DataTransfer();
  if (text) clipboardData.setData("text/plain", text);
  if (file) clipboardData.items.add(new File(["of a file"], file));
  const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData });
  return document.activeElement.dispatchEvent(event);
}"""


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "", "buffer": content}


def drop(page: Page, *files: FilePayload) -> None:
    page.evaluate(_DROP, [[each["name"] for each in files], [list(each["buffer"]) for each in files]])


def test_file_is_the_text_and_its_name_the_title_and_the_language(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    text, title, syntax = page.locator("#text"), page.locator("#title"), page.locator("#syntax")

    page.locator("#file").set_input_files(file("app.py", "one\r\nfünf 六\n".encode()))
    expect(text).to_have_value("one\nfünf 六\n")
    assert (title.input_value(), syntax.input_value()) == ("app.py", "python")
    expect(text).to_be_focused()
    # Dropped anywhere, in another language, of Windows; what was there can be had again.
    page.get_by_label("Link", exact=True).check()
    drop(page, file("log.rb", b"\xff\xfe" + "puts 1\n".encode("utf-16-le")))
    expect(text).to_have_value("puts 1\n")
    expect(text).to_be_visible()
    assert (title.input_value(), syntax.input_value()) == ("log.rb", "ruby")
    page.get_by_role("button", name="Undo").click()
    expect(text).to_have_value("one\nfünf 六\n")
    assert (title.input_value(), syntax.input_value()) == ("app.py", "python")
    # The same file can be opened again; no part of its name turns the others round.
    page.locator("#file").set_input_files(file("a\u202egol.py", b"three"))
    expect(text).to_have_value("three")
    assert (title.input_value(), page.locator("#file").input_value()) == ("a gol.py", "")
    page.evaluate(_PASTE, ["", "pasted.rb"])
    expect(text).to_have_value("of a file")
    assert title.input_value() == "pasted.rb"
    # What is copied from an office program is a text and a picture of it: the browser pastes the text.
    assert page.evaluate(_PASTE, ["a text", "picture.png"])
    # A language that was chosen stays; the name says no more then.
    syntax.select_option("json")
    title.fill("app.go")
    assert syntax.input_value() == "json"


def test_what_is_no_text_is_refused_with_the_reason(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.locator("#text").fill("kept")
    for content, reason in (
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "isn’t valid UTF-8"),
        (b"MZ\0\0", "contains NUL bytes"),
        ("fünf".encode("latin-1"), "save it as UTF-8"),
        (b"", "is empty"),
    ):
        drop(page, file("some.bin", content))
        expect(page.locator("#file-error")).to_contain_text(reason)
    drop(page, file("a", b"a"), file("b", b"b"))
    expect(page.locator("#file-error")).to_contain_text("One file at a time")
    page.locator("#file").set_input_files(file("big.log", b"a" * (10 * 1024 * 1024 + 1)))
    expect(page.locator("#file-error")).to_contain_text("big.log is 10.0 MiB. A paste can have at most 10.0 MiB.")
    assert (page.locator("#text").input_value(), page.locator("#title").input_value()) == ("kept", "")


def test_long_text_is_sent_as_a_whole_but_shown_in_part(new_visitor: NewVisitor, site: WebServer) -> None:
    visitor = new_visitor()
    page, line = visitor.page, "0123456789abcdef\n"
    text = line * 70_000
    visitor.open("/")
    page.locator("#text").fill("before ")
    page.locator("#text").focus()

    page.evaluate(_PASTE, [text, ""])

    expect(page.get_by_text("too long to edit here")).to_be_visible()
    assert len(page.locator("#text").input_value()) == 50_000
    visitor.click("Create paste")
    key = visitor.path().lstrip("/").partition("#")[0]
    assert site.client.get(f"/{key}/raw").text == "before " + text

    # So does one that comes with the page.
    visitor.open(f"/?from={key}")
    expect(page.get_by_text("too long to edit here")).to_be_visible()
    assert page.evaluate("document.querySelector('form.editor').editing.text().length") == len("before " + text)
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#text")).to_have_value("")
    assert page.locator("#text").is_editable()


def test_one_url_alone_is_offered_to_be_shortened(visitor: Visitor, target: str) -> None:
    page, keyboard = visitor.page, visitor.page.keyboard
    visitor.open("/")
    offer = page.get_by_role("button", name="Shorten this link instead")
    keyboard.insert_text(f"see {target}")
    expect(offer).to_have_count(0)
    page.locator("#text").fill(f"\n {target}/page \n")

    keyboard.press("Shift+Tab")
    keyboard.press("Tab")
    page.locator("#text").press("End")
    keyboard.press("Tab")
    expect(offer).to_be_focused()
    keyboard.press("Enter")

    expect(page.get_by_label("URL to shorten")).to_be_focused()
    expect(page.get_by_label("URL to shorten")).to_have_value(f"{target}/page")
    assert page.locator("#text").input_value() == ""
    visitor.press("Enter")
    assert f"{target}/page" in visitor.main_text()


def test_offer_is_not_covered_by_the_bar_at_the_foot_of_a_phone(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(PHONE)
    visitor.open("/")
    visitor.page.locator("#text").fill("https://example.org/page")
    offer = visitor.page.get_by_role("button", name="Shorten this link instead")
    expect(offer).to_be_visible()

    is_on_top = """button => {
      const { left, top, width, height } = button.getBoundingClientRect();
      return scrollY === 0 && button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
    }"""
    assert offer.evaluate(is_on_top)


def wrapped(page: Page) -> int:
    """How many rows of the text area a line of 200 words takes, by its height without and with it."""
    rows: int = page.evaluate(
        """() => {
          const area = document.getElementById("text");
          const copy = area.cloneNode();
          copy.style.height = "0";
          copy.style.width = `${area.clientWidth}px`;
          area.after(copy);
          const heights = ["x", "long ".repeat(200)].map((text) => { copy.value = text; return copy.scrollHeight; });
          copy.remove();
          return 1 + Math.round((heights[1] - heights[0]) / parseFloat(getComputedStyle(area).lineHeight));
        }"""
    )
    return rows


def test_lines_are_numbered_as_they_wrap(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.locator("#text").fill("one\n" + "long " * 200 + "\nthree\n")
    numbers = page.locator(".numbers pre")
    expect(numbers).to_have_js_property("textContent", "1\n2" + "\n" * wrapped(page) + "3\n4\n")
    page.locator("#text").press("Control+Home")
    page.keyboard.type("zero\n")
    expect(numbers).to_have_js_property("textContent", "1\n2\n3" + "\n" * wrapped(page) + "4\n5\n")
    page.set_viewport_size({"width": 800, "height": 700})
    expect(numbers).to_have_js_property("textContent", "1\n2\n3" + "\n" * wrapped(page) + "4\n5\n")
    # Too many lines to be numbered at each key stroke.
    page.evaluate("document.querySelector('form.editor').editing.set('\\n'.repeat(5000))")
    expect(page.locator(".numbers")).to_be_hidden()


def test_editor_of_a_paste_opens_at_the_line_that_is_read(visitor: Visitor, site: WebServer) -> None:
    page = visitor.page
    text = "".join(f"line {number}\n" for number in range(1, 301))
    paste = create_paste(site.client, text=text)
    visitor.open(f"/{paste['key']}/manage")
    page.get_by_label("Manage token").fill(paste["manage_token"])
    visitor.click("Manage")
    visitor.open(f"/{paste['key']}/manage/edit#L200")

    area = page.locator("#text")
    at = area.evaluate("area => area.value.slice(0, area.selectionStart).split('\\n').length")
    assert at == 200
    assert area.evaluate("area => area.scrollTop") > 0
    page.keyboard.type("changed ")
    visitor.press("Control+Enter")
    assert visitor.path() == f"/{paste['key']}"
    assert site.client.get(f"/{paste['key']}/raw").text.splitlines()[199] == "changed line 200"
