"""Separated values become the table that a spreadsheet program would show, and never a page that is too much."""

import re

import pytest

from main_service.rendering.job import Option
from main_service.rendering.table import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, render


def rows(text: str, **options: Option) -> list[list[str]]:
    """The cells of each row as they stand in the HTML."""
    html = render(text, options).html
    return [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "a;b\n1;2\n",
        "a\tb\n1\t2",
        "a|b\n1|2\n",
        "\ufeffa,b\r\n1,2\r\n",
        "a,b\r1,2\r",
        "sep=;\na;b\n1;2\n",
        'a,"b"\n\n1,2\n',
    ],
)
def test_the_separator_is_found(text: str) -> None:
    assert rows(text) == [["a", "b"], ["1", "2"]]


def test_decimal_commas_are_no_separators() -> None:
    assert rows("name;price\nnut;3,50\nbolt;12,00\n")[1] == ["nut", "3,50"]


def test_a_separator_that_is_said_is_taken() -> None:
    assert rows("a,b\tc\n", separator="\t") == [["a,b", "c"]]


def test_quotes_hold_separators_line_ends_and_quotes() -> None:
    assert rows('a,b\n"x, ""y""\nz",<b>\n') == [["a", "b"], ['x, "y"\nz', "&lt;b&gt;"]]


def test_ragged_rows_keep_their_cells_and_all_rows_are_as_wide() -> None:
    assert rows("a,b\n1\n1,2,3\n") == [["a", "b", ""], ["1", "", ""], ["1", "2", "3"]]


def test_columns_of_numbers_are_right_aligned() -> None:
    html = render("name,count,share,id,empty\na,1 200,50 %,A1,\nb,-3.5e9,€ 3,7,\n", {}).html

    assert re.findall(r'<th scope="col"( class="n")?>(\w+)', html) == [
        ("", "name"),
        (' class="n"', "count"),
        (' class="n"', "share"),
        ("", "id"),
        ("", "empty"),
    ]


def test_many_rows_are_cut_and_the_facts_say_so() -> None:
    fragment = render("a,b\n" + "1,2\n" * 200_000, {})

    assert fragment.html.count("<tr>") == MAX_ROWS + 1
    assert fragment.facts == {"rows": MAX_ROWS, "is_cut": True, "hidden_columns": 0}


def test_as_many_rows_as_can_be_are_not_cut() -> None:
    assert render("a\n" + "1\n" * MAX_ROWS, {}).facts == {"rows": MAX_ROWS, "is_cut": False, "hidden_columns": 0}


def test_many_columns_are_cut_and_the_facts_say_so() -> None:
    wide = ",".join(["x"] * 1000)
    fragment = render(f"{wide}\n" * 1000, {})

    assert fragment.html.count("<t") - fragment.html.count("<tr>") <= MAX_CELLS + 10
    assert fragment.facts["hidden_columns"] == 1000 - MAX_COLUMNS
    assert fragment.facts["is_cut"] is True


def test_of_a_beginning_the_last_row_is_left_out() -> None:
    fragment = render("a,b\n1,2\n3", {"is_cut": True})

    assert "3" not in fragment.html
    assert fragment.facts["is_cut"] is True


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_nothing_is_an_empty_table(text: str) -> None:
    assert "empty" in render(text, {}).html


def test_a_quote_that_does_not_close_takes_the_rest() -> None:
    assert rows('a,b\n1,"2\n3,4\n')[1] == ["1", "2\n3,4\n"]
