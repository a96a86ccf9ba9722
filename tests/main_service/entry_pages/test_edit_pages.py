"""The edit page: it overwrites nothing unseen, writes what was touched, and keeps the line ends of the text."""

import html
import re
from io import IncrementalNewlineDecoder
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.entry_pages import line_ends
from main_service.entry_pages.line_ends import as_in_form, with_line_ends_of
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import BROWSER, CURL, created_key, send_form, visible_text

CHANGED = "Someone changed this after you opened the page"


def edit_address(client: httpx.Client, entry: dict[str, Any]) -> str:
    """Opens the way with the manage token."""
    manage = f"/{entry['key']}/manage"
    assert send_form(client, manage, manage, token=entry["manage_token"]).status_code == 303
    return f"{manage}/edit"


def form_of(page: httpx.Response) -> dict[str, str]:
    """What a browser would send of the page, with nothing touched; LF where it sends CRLF."""
    source = page.text
    fields = dict(re.findall(r'<input type="hidden" name="(version|seen)" value="([^"]*)"', source))
    for name in ("title", "original_url"):
        if found := re.search(rf'<input id="{name}"[^>]*? value="([^"]*)"', source):
            fields[name] = html.unescape(found[1])
    if found := re.search(r'<textarea id="text"[^>]*>\n([^<]*)</textarea>', source):
        fields["text"] = as_in_form(html.unescape(found[1]))
    for name in ("visibility", "syntax"):
        if select := re.search(rf'<select id="{name}".*?</select>', source, re.DOTALL):
            chosen = re.search(r'<option value="([^"]*)" selected', select[0])
            fields[name] = chosen[1] if chosen else ""
    if re.search(r'id="has_public_statistics"[^>]* checked', source):
        fields["has_public_statistics"] = "yes"
    return fields


def open_form(client: httpx.Client, entry: dict[str, Any]) -> tuple[str, dict[str, str]]:
    address = edit_address(client, entry)
    return address, form_of(client.get(address, headers=BROWSER))


def send(client: httpx.Client, address: str, fields: dict[str, str], **typed: str) -> httpx.Response:
    return send_form(client, address, address, **fields | typed)


def change(client: httpx.Client, entry: dict[str, Any], **fields: Any) -> None:
    client.patch(f"/api/v1/entries/{entry['key']}", json=fields, headers=manage_headers(entry)).raise_for_status()


def shown(client: httpx.Client, entry: dict[str, Any]) -> httpx.Response:
    return client.get(f"/api/v1/entries/{entry['key']}")


def text_of(client: httpx.Client, entry: dict[str, Any]) -> bytes:
    return client.get(f"/{entry['key']}/raw", headers=CURL).content


# What was changed elsewhere meanwhile.


def test_page_from_before_a_change_is_refused_and_shows_both_texts(client: httpx.Client) -> None:
    paste = create_paste(client, text="as it was")
    address, fields = open_form(client, paste)
    change(client, paste, text="by somebody else")

    refused = send(client, address, fields, text="by me")

    assert (refused.status_code, CHANGED in visible_text(refused)) == (409, True)
    assert text_of(client, paste) == b"by somebody else"
    again = form_of(refused)
    assert again["text"] == "by me", "what was typed is not lost"
    assert re.search(r'<textarea class="other" id="other-text" readonly>\nby somebody else</textarea>', refused.text)
    assert "The text now" in refused.text
    assert send(client, address, again).status_code == 303, "now it is known what is replaced"
    assert text_of(client, paste) == b"by me"


def test_old_page_on_which_only_the_title_was_touched_keeps_the_newer_text(client: httpx.Client) -> None:
    paste = create_paste(client, text="as it was", title="Old", syntax="python")
    address, fields = open_form(client, paste)
    change(client, paste, text="newer", syntax="json")

    refused = send(client, address, fields, title="Mine")

    assert refused.status_code == 409
    assert (text_of(client, paste), shown(client, paste).json()["title"]) == (b"newer", "Old")
    again = form_of(refused)
    assert (again["title"], again["text"], again["syntax"]) == ("Mine", "newer", "json")
    assert re.search(r'id="other-text" readonly>\nas it was</textarea>', refused.text)
    assert send(client, address, again).status_code == 303
    entry = shown(client, paste).json()
    assert (text_of(client, paste), entry["title"], entry["syntax"]) == (b"newer", "Mine", "json")


def test_old_page_of_a_link_shows_what_changed(client: httpx.Client) -> None:
    link = create_link(client, original_url="https://example.org/old", title="Old")
    address, fields = open_form(client, link)
    change(client, link, original_url="https://example.org/theirs", title=None, visibility="public")

    refused = send(client, address, fields, original_url="https://example.org/mine")

    assert refused.status_code == 409
    assert re.search(r"Title\s+none\s+URL\s+https://example.org/theirs\s+Visibility\s+Public", visible_text(refused))
    again = form_of(refused)
    assert (again["original_url"], again["title"], again["visibility"]) == ("https://example.org/mine", "", "public")
    assert client.get(f"/{link['key']}").headers["location"] == "https://example.org/theirs"
    # Saved, it is looked at, and not followed.
    saved = send(client, address, again)
    assert (saved.status_code, saved.headers["location"]) == (303, f"/{link['key']}+")
    assert client.get(f"/{link['key']}").headers["location"] == "https://example.org/mine"


def test_second_change_meanwhile_is_refused_again(client: httpx.Client) -> None:
    paste = create_paste(client, text="one")
    address, fields = open_form(client, paste)
    change(client, paste, text="two")
    refused = send(client, address, fields, text="mine")
    change(client, paste, text="three")

    assert send(client, address, form_of(refused)).status_code == 409
    assert text_of(client, paste) == b"three"


def test_page_that_comes_back_with_an_error_is_still_as_old_as_it_was(client: httpx.Client) -> None:
    paste = create_paste(client, text="one")
    address, fields = open_form(client, paste)
    refused = send(client, address, fields, title="t" * 201)
    assert refused.status_code == 422
    change(client, paste, text="two")

    assert send(client, address, form_of(refused), title="short").status_code == 409
    assert text_of(client, paste) == b"two"


def test_views_and_visits_make_no_page_old(client: httpx.Client) -> None:
    paste = create_paste(client, text="one", views=5)
    address, fields = open_form(client, paste)
    assert text_of(client, paste) == b"one"

    assert send(client, address, fields, text="two").status_code == 303
    assert text_of(client, paste) == b"two"


def test_nothing_touched_is_nothing_written_however_old_the_page(client: httpx.Client) -> None:
    paste = create_paste(client, text="one\r\n", title="Title")
    address, fields = open_form(client, paste)
    before = shown(client, paste)

    assert send(client, address, fields).status_code == 303
    assert (shown(client, paste).json(), shown(client, paste).headers["etag"]) == (before.json(), '"1"')
    change(client, paste, text="two")
    assert send(client, address, fields).status_code == 303
    assert text_of(client, paste) == b"two"


def test_syntax_under_another_alias_stays_when_it_is_not_touched(client: httpx.Client) -> None:
    paste = create_paste(client, syntax="py")
    address, fields = open_form(client, paste)

    assert fields["syntax"] == "py"
    assert send(client, address, fields, title="New").status_code == 303
    assert shown(client, paste).json()["syntax"] == "py"


def test_new_end_alone_changes_nothing_else(client: httpx.Client) -> None:
    paste = create_paste(client, text="one\r\n")
    edit_address(client, paste)
    manage = f"/{paste['key']}/manage"
    client.get(manage, headers=BROWSER)
    change(client, paste, text="two\r\n", title="New")

    assert send_form(client, manage, f"{manage}/expiry", lifetime="P1D").status_code == 303
    assert (text_of(client, paste), shown(client, paste).json()["title"]) == (b"two\r\n", "New")


@pytest.mark.parametrize("version", ["", "x", "1.5"])
def test_form_with_an_unreadable_version_is_refused(client: httpx.Client, version: str) -> None:
    paste = create_paste(client, text="one")
    address, fields = open_form(client, paste)

    assert send(client, address, fields, version=version, text="two").status_code == 422
    assert text_of(client, paste) == b"one"


def test_form_of_the_release_before_is_taken_as_ever(client: httpx.Client) -> None:
    """It carries neither a version nor what the page had."""
    paste = create_paste(client, text="one\r\n", title="Title")
    address, fields = open_form(client, paste)
    change(client, paste, text="two\r\n")
    del fields["version"], fields["seen"]

    assert send(client, address, fields, text="three\n").status_code == 303
    assert text_of(client, paste) == b"three\r\n"


# Line ends.


@pytest.mark.parametrize(
    ("stored", "edited", "kept"),
    [
        ("one\r\ntwo\r\n", "one\nTWO\n", "one\r\nTWO\r\n"),
        ("one\r\ntwo", "one\ntwo\nthree\n", "one\r\ntwo\r\nthree\r\n"),
        ("one\rtwo\r", "zero\none\ntwo\n", "zero\rone\rtwo\r"),
        ("one\ntwo", "one\ntwo\n", "one\ntwo\n"),
        ("one", "one\ntwo\n", "one\ntwo\n"),
        ("a\r\nb\nc\r\nd\n", "a\nb\nC\nd\n", "a\r\nb\nC\r\nd\n"),
        ("a\r\nb\nc\r\nd\n", "new\na\nb\nd\n", "new\r\na\r\nb\nd\n"),
        ("10 %\r20 %\rdone\r\n", "10 %\n20 %\nwell done\n", "10 %\r20 %\rwell done\r\n"),
        ("a\n\rb\r\n", "a\n\nB\n", "a\n\rB\r\n"),
    ],
)
def test_line_ends_of_the_text_are_kept(client: httpx.Client, stored: str, edited: str, kept: str) -> None:
    paste = create_paste(client, text=stored)
    address, fields = open_form(client, paste)

    assert send(client, address, fields, text=edited.replace("\n", "\r\n")).status_code == 303
    assert text_of(client, paste) == kept.encode()


def test_hostile_text_gets_its_line_ends_back_in_good_time(client: httpx.Client) -> None:
    """Each level of what is compared takes four lines off, and it was gone through for each anew: half an hour."""

    def text(between: str) -> str:
        return "first\n" + "".join(f"{n + 2}\n{between}\n{n + 1}\n{between}\n" for n in range(50_000))

    paste = create_paste(client, text=text("a").replace("first\n", "first\r\n"))
    address, fields = open_form(client, paste)

    assert send(client, address, fields, text=text("b")).status_code == 303
    assert as_in_form(text_of(client, paste).decode()) == text("b")


LINES = st.lists(st.tuples(st.sampled_from(["", "a", "b", "c d", "\u00fc"]), st.sampled_from(["\r\n", "\n", "\r"])))


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(LINES, st.sampled_from(["", "end"]), st.text("abc\n", max_size=20))
def test_only_line_ends_differ_from_what_was_typed(lines: list[tuple[str, str]], last: str, typed: str) -> None:
    stored = "".join(line + end for line, end in lines) + last

    assert as_in_form(with_line_ends_of(stored, typed)) == typed
    assert with_line_ends_of(stored, as_in_form(stored)) == stored


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from(["\r\n", "\n"]), min_size=20, max_size=400), st.data())
def test_each_line_that_stays_keeps_its_end(ends: list[str], data: st.DataObject) -> None:
    lines = [f"line {number}" for number in range(len(ends))]
    stored = "".join(line + end for line, end in zip(lines, ends, strict=True))
    gone = data.draw(st.sets(st.sampled_from(range(len(lines))), max_size=10))
    typed = "".join(f"new\n{line}\n" for number, line in enumerate(lines) if number not in gone)

    written = with_line_ends_of(stored, typed)

    for number, (line, end) in enumerate(zip(lines, ends, strict=True)):
        assert number in gone or f"\n{line}{end}" in written


# What a form can't carry.


def test_text_with_nul_is_not_offered_for_editing_but_the_rest_is(client: httpx.Client) -> None:
    text = "a\0b\r\n"
    paste = create_paste(client, text=text)
    address = edit_address(client, paste)

    page = client.get(address, headers=BROWSER)

    assert "<textarea" not in page.text
    assert "contains NUL characters" in visible_text(page)
    assert f"PATCH /api/v1/entries/{paste['key']}" in visible_text(page)
    assert send(client, address, form_of(page), title="A title").status_code == 303
    assert (text_of(client, paste), shown(client, paste).json()["title"]) == (text.encode(), "A title")


def test_refused_new_paste_with_nul_says_that_it_can_not_be_shown(client: httpx.Client) -> None:
    refused = send_form(client, "/", "/pastes", text="a\0b", alias="no")
    assert refused.status_code == 422
    assert "NUL characters were replaced" in visible_text(refused)

    assert created_key(send_form(client, "/", "/pastes", text="a\0b")), "what a browser sends of it is taken"


def test_text_that_got_nul_meanwhile_is_not_overwritten(client: httpx.Client) -> None:
    paste = create_paste(client, text="one")
    address, fields = open_form(client, paste)
    change(client, paste, text="t\0wo")

    refused = send(client, address, fields, text="mine")

    assert refused.status_code in (409, 422)
    assert "mine" in html.unescape(refused.text), "what was typed is not lost"
    assert text_of(client, paste) == b"t\0wo"


@pytest.mark.parametrize("length", [1, 2, 3])
def test_text_in_a_form_is_the_same_wherever_its_pieces_end(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setattr(line_ends, "_PIECE", length)
    for text in ("\r\n", "\r\r\n\n", "a\r\n\rb\n\r", "\r", "", "\u00e9\r\U0001f98a\r\n"):
        assert as_in_form(text) == text.replace("\r\n", "\n").replace("\r", "\n")


def test_line_ends_of_a_long_text_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    class Decoder(IncrementalNewlineDecoder):
        def decode(self, piece: str | bytes, /, final: bool = False) -> str:
            lengths.append(len(piece))
            return super().decode(piece, final)

    monkeypatch.setattr(line_ends, "IncrementalNewlineDecoder", Decoder)

    assert as_in_form("\r\n" * 1_000_000) == "\n" * 1_000_000
    assert max(lengths) < 100_000
