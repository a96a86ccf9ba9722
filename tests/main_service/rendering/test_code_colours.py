"""Colours of code can be read on every ground that they stand on, and their classes are only those of code."""

import re
from itertools import product

import pytest

from main_service.rendering.highlighting import CLASSES, GROUNDED, coloured_lines
from main_service.web.templating import STATIC

SHEETS = {path.name: re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL) for path in STATIC.rglob("*.css")}
CODE = SHEETS["code.css"]
LEAST = 4.5


def variables(theme: int) -> dict[str, str]:
    """The colours of style/colours.css. `theme`: 0 is light, 1 is dark."""
    pairs = re.findall(r"(--[\w-]+): light-dark\((#\w+), (#\w+)\)", SHEETS["colours.css"])
    return {name: colours[theme] for name, *colours in pairs}


def luminance(colour: str) -> float:
    """The relative luminance (WCAG 2.2) of a colour such as `#0a0a0a`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_code_can_be_read(theme: int) -> None:
    known = variables(theme)
    inks = {known[name] for name in re.findall(r"(?<!-)color: var\((--code-\w+)\)", CODE)}
    washes = {known[name] for name in re.findall(r"background: var\((--[\w-]+)\)", CODE)}
    grounds = {known["--surface"], known["--mark"]}
    assert len(inks) >= 5
    assert len(washes) == 2

    # Inserted and deleted lines have the ink of text.
    pairs = [*product(inks | {known["--ink"]}, grounds), *product([known["--ink"]], washes)]
    assert [pair for pair in pairs if contrast(*pair) < LEAST] == []


def test_every_class_of_code_has_its_rule_and_no_rule_means_one_letter_alone() -> None:
    assert all(f".code .{name} " in CODE or f".code .{name}," in CODE for name in set(CLASSES.values()))
    for name, sheet in SHEETS.items():
        for selector in re.findall(r"([^{}]+)\{", sheet):
            for part in re.sub(r":\w+\([^)]*\)", "", selector).split(","):
                is_short = re.search(r"\.[a-z](?![\w-])", part)
                assert not is_short or re.search(r"\.[a-z][\w-]", part), f"{part.strip()!r} in {name}"


def test_unchanged_lines_of_a_diff_have_no_ground() -> None:
    diff = "@@ -1,4 +1,4 @@\n-old\n+new\n \n same\n-gone\n \tsame\n"

    lines = list(coloured_lines(diff, "diff") or ())

    assert lines[1:7] == ["<b class=d>-old</b>", "<b class=i>+new</b>", " ", " same", "<b class=d>-gone</b>", " \tsame"]
    assert re.findall(r"\.code \.(\w) \{\s+background", CODE) == sorted(GROUNDED, reverse=True)
