"""Logs of terminals have their colours, and nothing else that an escape sequence asks for."""

import html
import re
from itertools import product

import pytest

from main_service.rendering.ansi import COLOURS, MAX_LINES, render
from tests.support.colours import contrast, light_and_dark
from tests.support.engines import REPOSITORY


def shown(text: str) -> str:
    """The log as HTML without what is around it."""
    chunks = re.findall(r"<pre>\n(.*?)</pre>", render(text, {}).html, re.DOTALL)
    return "".join(chunks).removesuffix("\n")


def seen(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", shown(text)))


@pytest.mark.parametrize(
    ("sequence", "classes"),
    [
        ("31", "f-red"),
        ("91", "f-red"),
        ("42", "b-green"),
        ("90", "f-grey"),
        ("30", "f-black"),
        ("1;3;4;9", "m-bold m-italic m-struck m-under"),
        ("1;31;44", "f-red b-blue m-bold"),
        ("38;5;208", "f-orange"),
        ("38;5;1", "f-red"),
        ("48;5;21", "b-blue"),
        ("38;5;240", "f-grey"),
        ("38;5;255", "f-white"),
        ("38;2;255;105;180", "f-pink"),
        ("48;2;0;128;128", "b-cyan"),
        ("38:2::10:200:30", "f-green"),
        ("38:2:10:200:30", "f-green"),
        ("38:5:208", "f-orange"),
        ("7", "b-grey"),
        ("31;7", "b-red"),
        ("31;42;7", "f-green b-red"),
        ("2", "f-grey"),
        ("38;5;208;1", "f-orange m-bold"),
    ],
)
def test_colours_and_marks_become_classes(sequence: str, classes: str) -> None:
    assert shown(f"\x1b[{sequence}mx\x1b[0m y") == f'<span class="{classes}">x</span> y'


@pytest.mark.parametrize(
    "sequence", ["", "0", "39", "31;0", "38;5", "38;2;1;2", "38;9", "999", "38;5;999999999999", "?25", "1<2", ";;", ":"]
)
def test_what_selects_nothing_leaves_the_text_plain(sequence: str) -> None:
    assert seen(f"\x1b[{sequence}mx") == "x"
    assert "f-red" not in shown(f"\x1b[{sequence}mx")


def test_a_style_goes_on_in_the_next_line() -> None:
    assert shown("\x1b[31ma\nb\x1b[mc") == '<span class="f-red">a</span>\n<span class="f-red">b</span>c'


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (" 10%\r 50%\r100% done", "100% done"),
        ("long line\rlo", "long line"),
        ("long line\r\x1b[Knew", "new"),
        ("old\x1b[2K\x1b[1Gnew", "new"),
        ("ab\b\bX", "Xb"),
        ("abc\x1b[2DX", "aXc"),
        ("abc\x1b[1D\x1b[1K.", "  ."),
        ("\x1b[5Gx", "    x"),
        ("abc\r\x1b[2Pd", "d"),
        ("abc\r\x1b[2X", "  c"),
        ("windows\r\n", "windows"),
    ],
)
def test_overwriting_is_played_as_a_terminal_does(log: str, line: str) -> None:
    assert seen(log) == line


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b]8;;https://elsewhere.test/\x07",
        "\x1b]8;;https://elsewhere.test/\x1b\\",
        "\x1b]0;title\x07",
        "\x1bPq#0\x1b\\",
        "\x1b_x\x1b\\",
        "\x1b^x\x1b\\",
        "\x9d8;;x\x9c",
        "\x1b[2J",
        "\x1b[?1049h",
        "\x1b[10;10H",
        "\x1b[6n",
        "\x1b(B",
        "\x1b7",
        "\x1bc",
        "\x07",
        "\x00",
        "\x0e",
        "\x7f",
        "\x9b31m\x9bm",
        "\x1b[>4;2m",
    ],
)
def test_whatever_else_a_sequence_asks_for_is_left_out(sequence: str) -> None:
    assert shown(f"a{sequence}b") == "ab"


def test_markup_stays_text_also_when_sequences_cut_it() -> None:
    assert shown("<scr\x1b[mipt>&\x1b[31m<b>") == '&lt;script&gt;&amp;<span class="f-red">&lt;b&gt;</span>'


def test_a_few_bytes_make_no_endless_line() -> None:
    assert len(seen("\x1b[999999999Cx")) < 300
    assert len(seen("\x1b[999Cx\x1b[999C" * 1000)) < 1300


def test_a_long_line_that_erases_again_and_again_is_soon_shown() -> None:
    assert seen("x" * 20_000 + "\x1b[1K" * 20_000).startswith("x" * 100)


def test_many_lines_are_cut_and_the_facts_say_so() -> None:
    fragment = render("x\n" * (MAX_LINES + 1), {})

    assert fragment.html.count("x\n") == MAX_LINES
    assert fragment.facts == {"is_cut": True}
    assert render("x\n" * MAX_LINES, {}).facts == {"is_cut": False}


def test_every_colour_is_legible_on_the_page_and_on_every_ground_light_and_dark() -> None:
    style = light_and_dark((REPOSITORY / "static/views/ansi.css").read_text())
    page = light_and_dark((REPOSITORY / "static/style/colours.css").read_text())
    texts = [style[f".terminal .f-{name}"] for name in COLOURS] + [page["--ink"]]
    grounds = [style[f".terminal .b-{name}"] for name in COLOURS] + [page["--surface"]]

    poor = [
        (text[scheme], ground[scheme])
        for text, ground, scheme in product(texts, grounds, (0, 1))
        if contrast(text[scheme], ground[scheme]) < 4.5
    ]
    assert poor == []
