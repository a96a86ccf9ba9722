"""What a script reads from a page is the text, to the character, whatever is in it and whatever its language."""

import asyncio
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from main_service.engines.texts import in_one_chunk
from main_service.rendering import highlighting, markup, plain_text
from tests.support.rendered import read

ODD = [
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\u2028",
    "\u0085",
    "\x0b",
    "\x0c",
    "\x1b[31m",
    "\ufeff",
    "\u202e",
    "e\u0301",
    "\U0001f469\u200d\U0001f680",
]
CODE = [
    "def f(a):",
    '"""',
    "'",
    "#",
    "/*",
    "*/",
    "<!--",
    "<b>",
    "&amp;",
    "&#13;",
    "{{",
    "%}",
    "$",
    "\\",
    "\t",
    " ",
    "0x1F",
    "- a: b",
    "`",
    "=>",
]
TEXTS = st.lists(st.sampled_from([*ODD, *CODE]) | st.text(max_size=6), max_size=30).map("".join)
SYNTAXES = [
    "python",
    "json",
    "html",
    "make",
    "yaml",
    "console",
    "pycon",
    "diff",
    "php",
    "markdown",
    "text",
    "unknown",
    "javascript",
    "rst",
]


def number_of_lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n") and text != "")


@settings(deadline=None, max_examples=60)
@given(text=TEXTS, syntax=st.sampled_from(SYNTAXES))
@example(text="\r", syntax="python")
@example(text="a\r\n\r\r\nb\0\r\nc\r", syntax="python")
@example(text="\n\n\n", syntax="json")
def test_coloured_text(text: str, syntax: str) -> None:
    fragment = highlighting.render(text, {"syntax": syntax})

    assert read(fragment.html) == (text, [f"L{number}" for number in range(1, number_of_lines(text) + 1)])
    assert fragment.facts["lines"] == number_of_lines(text)


@settings(deadline=None, max_examples=60)
@given(parts=st.lists(TEXTS, max_size=5))
def test_plain_text_that_comes_in_parts(parts: list[str]) -> None:
    plain = plain_text.PlainText()

    html = "".join([plain.add(part) for part in parts]) + plain.end()

    text = "".join(parts)
    assert read(html) == (text, [f"L{number}" for number in range(1, number_of_lines(text) + 1)])


@settings(deadline=None, max_examples=60)
@given(text=TEXTS, syntax=st.sampled_from(SYNTAXES))
@example(text="x" * 200 + "\r\n" + "y" * 50, syntax="python")
def test_text_of_long_lines_and_many_chunks(text: str, syntax: str) -> None:
    small = {
        "MAX_LINES_WITH_IDS": 4,
        "LINES_PER_CHUNK": 3,
        "LINES_PER_ITEM": 2,
        "MAX_SHOWN_LINES": 9,
        "PIECE_CHARACTERS": 7,
    }
    with (
        patch.multiple(markup, CHUNK_CHARACTERS=40, **small),
        patch.object(highlighting, "PIECE_CHARACTERS", 7),
        patch.multiple(plain_text, PIECE_CHARACTERS=7, STEP_CHARACTERS=11),
    ):
        coloured = highlighting.render(text, {"syntax": syntax}).html
        plain = plain_text.render(text, {}).html

    for html in (coloured, plain):
        shown, ids = read(html)
        assert shown == text
        first = [f"L{number}" for number in range(1, min(number_of_lines(text), 4) + 1)]
        assert ids[: len(first)] == first


def test_lines_of_a_long_text_share_items_and_the_last_are_hidden() -> None:
    html = plain_text.render("\n" * 600_000, {}).html

    _, ids = read(html)
    assert ids == [*(f"L{line}" for line in range(1, 20_001)), *(f"L{line}" for line in range(20_001, 500_001, 1_000))]
    assert html.count("<div hidden>") == 1


@pytest.mark.parametrize("number", [markup.MAX_MARKS, markup.MAX_MARKS + 1])
def test_text_of_too_many_signs_that_no_page_holds_says_so(number: int) -> None:
    for html in (plain_text.render("\0" * number, {}).html, highlighting.render("\0" * number, {"syntax": "c"}).html):
        assert html.endswith(markup.INEXACT) is (number > markup.MAX_MARKS)


def test_runs_of_one_class_are_joined_and_spaces_begin_none() -> None:
    html = highlighting.render("import  os  # a\n", {"syntax": "python"}).html

    assert html == "<div><ol role=none start=1><li id=L1><b class=k>import  </b>os  <b class=c># a</b>\n</ol></div>"


@pytest.mark.parametrize(
    ("syntax", "text"), [("sass", "a\n\tb 'c\n"), ("pug", "$ ls\nout\n>>> 1\n"), ("slim", "\x1b[1m a\n\n  b\n")]
)
def test_text_of_which_a_lexer_loses_a_part_is_plain(syntax: str, text: str) -> None:
    fragment = highlighting.render(text, {"syntax": syntax})

    assert read(fragment.html)[0] == text
    assert "is_coloured" not in fragment.facts


async def test_while_a_page_of_plain_text_is_made_others_have_their_turns() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    text = "\n" * 128 * 1024
    beside = asyncio.create_task(other())
    html = await plain_text.PlainTexts().joined(in_one_chunk(text.encode(), held_bytes=0))
    beside.cancel()

    assert read(html)[0] == text
    assert turns >= len(text) // plain_text.STEP_CHARACTERS


async def test_pages_of_plain_text_are_made_a_piece_of_one_at_a_time() -> None:
    rounds = 0
    made_in: list[int] = []

    async def count_rounds() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async def read_page() -> None:
        made_in.extend([rounds async for _ in texts.streamed(in_one_chunk(text.encode(), held_bytes=0))])

    texts = plain_text.PlainTexts()
    text = "a line\n" * 2 * plain_text.STEP_CHARACTERS
    beside = asyncio.create_task(count_rounds())
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(read_page())
    beside.cancel()

    # The last of each page has no turn of its own: nearly nothing is left for it.
    assert len(made_in) == 5 * 15
    assert len(set(made_in)) >= 5 * 14
