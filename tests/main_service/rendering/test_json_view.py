"""JSON is indented, and no value changes."""

import html
import re

import pytest

from main_service.rendering.json_view import MAX_CHARACTERS, render


def shown(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", render(text, {}).html))


def test_every_value_stays_as_it_was_written() -> None:
    text = r'{"big":123456789012345678901234567890,"f":1.10,"e":1E400,"s":"\u00e9\"\\<b>","a":[],"o":{},"n":[null]}'

    assert shown(text).splitlines() == [
        "{",
        '  "big": 123456789012345678901234567890,',
        '  "f": 1.10,',
        '  "e": 1E400,',
        r'  "s": "\u00e9\"\\<b>",',
        '  "a": [],',
        '  "o": {},',
        '  "n": [',
        "    null",
        "  ]",
        "}",
    ]


def test_a_key_that_comes_twice_stays_and_is_told() -> None:
    fragment = render('{"x":{"a":1,"b":2,"a":3}}', {})

    assert re.findall(r'"(\w)"', shown('{"x":{"a":1,"b":2,"a":3}}')) == ["x", "a", "b", "a"]
    assert fragment.facts["repeated_key"] == "a"
    assert render('{"a":{"a":1}}', {}).facts["repeated_key"] is None


@pytest.mark.parametrize(
    ("key", "told"),
    [("k" * 500_000, "k" * 100 + "…"), (r"\ud800", "?"), ("é" * 100, "é" * 100)],
)
def test_a_key_that_is_told_is_short_and_can_be_sent(key: str, told: str) -> None:
    repeated = render(f'{{"{key}":1,"{key}":2}}', {}).facts["repeated_key"]

    assert repeated == told
    assert str(repeated).encode()


def test_lines_of_documents_are_indented_one_by_one() -> None:
    assert shown('{"a":1}\n\n[2]\n').split() == ["{", '"a":', "1", "}", "[", "2", "]"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "b" 2}', "line 2, column 6, near “2}”"),
        ("[1,]", "line 1, column 4"),
        ("", "line 1, column 1"),
        ("{'a': 1}", "near “'a': 1}”"),
        ('{"a": NaN}', "it has no NaN"),
        ("[-Infinity]", "it has no -Infinity"),
        ("[1] 2", "near “2”"),
        ('{"a":1}\n{"b":}\n', "line 2, column 1"),
        ('"a\tb"', "control character"),
    ],
)
def test_what_is_not_json_is_refused_with_the_place(text: str, said: str) -> None:
    fragment = render(text, {})

    assert fragment.html == ""
    assert said in str(fragment.facts["refusal"])


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "[" * 800 + "1," * 100_000 + "1" + "]" * 800])
def test_what_is_too_deeply_nested_is_refused_before_it_grows(text: str) -> None:
    assert "too deeply nested" in str(render(text, {}).facts["refusal"])


def test_a_number_of_many_digits_takes_no_time() -> None:
    digits = "7" * 300_000

    assert digits in shown(f"[{digits}]")
    assert len(digits) < MAX_CHARACTERS
