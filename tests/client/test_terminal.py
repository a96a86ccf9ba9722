"""The client on a terminal: colours, charts, QR codes, questions; no text from elsewhere commands the terminal."""

import re
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import segno

from tests.support.command_line_client import COLUMNS, CommandLineClient
from tests.support.statistics import insert_hour_counts, insert_value_count

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
COLOURED = re.compile(r"\x1b\[[39][0-7][;m]")
RED = "\x1b[31mred\x1b]0;title\x07\n"


def lines_of(text: str) -> list[str]:
    return [COLOURS.sub("", line) for line in text.split("\r\n")]


def test_control_characters_of_a_text_are_shown_instead_of_obeyed(slipbin: CommandLineClient) -> None:
    key = slipbin.ask("paste", "-s", "python", given=f"def f(): pass  # {RED}".encode()).rpartition("/")[2]

    shown = slipbin.on_terminal("get", key)

    assert lines_of(shown.text)[0] == r"def f(): pass  # \x1b[31mred\x1b]0;title\x07"
    assert COLOURED.search(shown.text)
    slipbin.variables["NO_COLOR"] = "1"
    assert not COLOURED.search(slipbin.on_terminal("get", key).text)
    assert slipbin.on_terminal("get", "--raw", key).text == f"def f(): pass  # {RED}".replace("\n", "\r\n")


def test_long_lines_are_neither_cut_nor_padded(slipbin: CommandLineClient) -> None:
    text = "x = 1\n" + "y" * 200 + "\n\n\n"
    key = slipbin.ask("paste", "-s", "python", given=text.encode()).rpartition("/")[2]

    assert lines_of(slipbin.on_terminal("get", key).text) == text.split("\n")


def test_view_is_used_only_after_a_yes(slipbin: CommandLineClient, client: httpx.Client) -> None:
    key = slipbin.ask("paste", "--burn", given=b"secret").rpartition("/")[2]

    unread = slipbin.on_terminal("get", key, answers={"Read it now?": "n\n"})
    assert unread.code == 1
    assert "secret" not in unread.text
    assert client.get(f"/api/v1/entries/{key}").json()["views_left"] == 1
    read = slipbin.on_terminal("get", key, answers={"Read it now?": "y\n"})
    assert (read.code, "secret" in read.text) == (0, True)


def test_qr_code_is_that_of_the_link(slipbin: CommandLineClient) -> None:
    link = slipbin.ask("shorten", "https://example.org/")
    key = link.rpartition("/")[2]
    drawn = list(segno.make(link, error="m", micro=False).matrix_iter(border=4))

    lines = [line for line in lines_of(slipbin.on_terminal("qr", key).text) if line]

    halves = [[(character in "▀█", character in "▄█") for character in line] for line in lines]
    rows = [[half[place] for half in line] for line in halves for place in (0, 1)]
    assert rows[: len(drawn)] == [[bool(module) for module in row] for row in drawn]
    slipbin.run("qr", "-o", "code.png", key)
    assert (slipbin.home / "code.png").read_bytes().startswith(b"\x89PNG")


def test_lists_and_charts_fit_eighty_columns(slipbin: CommandLineClient) -> None:
    link = slipbin.ask("shorten", f"https://example.org/{'long' * 100}", "--title", "T" * 150)
    slipbin.ask("paste", "-t", "notes.md", "-e", "13h50m", given=b"text")
    key = link.rpartition("/")[2]

    listed = slipbin.on_terminal("list")
    charted = slipbin.on_terminal("stats", key)

    assert (listed.code, charted.code) == (0, 0)
    for line in [*lines_of(listed.text)[:3], *lines_of(charted.text)]:
        assert len(line) <= COLUMNS
    assert key in listed.text
    assert "in 14 h" in listed.text
    assert "No visits by people" in charted.text


async def test_visits_are_charted(slipbin: CommandLineClient, database: asyncpg.Connection) -> None:
    key = slipbin.ask("shorten", "https://example.org/").rpartition("/")[2]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    await insert_hour_counts(database, key, today - timedelta(days=1), people=8)
    await insert_hour_counts(database, key, today, people=4, bots=3)
    await insert_value_count(database, key, f"{today:%Y-%m-%d}", "country", "FR", 9)
    days = ["--from", f"{today - timedelta(days=1):%Y-%m-%d}", "--to", f"{today:%Y-%m-%d}"]

    plain = [line.split("\t") for line in slipbin.ask("stats", key, *days).splitlines()]
    shown = lines_of(slipbin.on_terminal("stats", key, *days).text)

    assert [line[1:] for line in plain] == [["8", "0"], ["4", "3"]]
    columns = [line.partition("│")[2] for line in shown if "│" in line]
    assert [(line[:3].strip(), line[4:7].strip()) for line in columns] == [("███", "")] * 4 + [("███", "███")] * 4
    assert "12 visits" in shown[0]
    assert any(line.split()[:2] == ["FR", "9"] for line in shown)


def test_deletion_is_asked_about(slipbin: CommandLineClient, client: httpx.Client) -> None:
    key = slipbin.ask("paste", given=b"text").rpartition("/")[2]

    kept = slipbin.on_terminal("delete", key, answers={"for ever?": "\n"})

    assert (kept.code, client.get(f"/{key}").status_code) == (1, 200)
    assert slipbin.on_terminal("delete", key, interrupt_at="for ever?").code == 130
    assert slipbin.on_terminal("delete", key, answers={"for ever?": "y\n"}).code == 0
    assert client.get(f"/{key}").status_code == 410
