"""pinnwand: its client steck, unmodified, and what other clients of it send."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.entries import create_paste
from tests.support.foreign_clients import Home, documented, foreign_client

LINE = "ümläut – 🐍 \t & = % + ;  \x00 \x1b[31m <script>\n"
MEBIBYTE = 1024 * 1024
LINK = re.compile(r"^View link: +(\S+)$", re.MULTILINE)
REMOVAL = re.compile(r"^Removal link: (\S+)$", re.MULTILINE)


@pytest.fixture
def steck(home: Home) -> Home:
    """A home with the client, configured as the page says."""
    home.has("steck", foreign_client("steck", "steck"))
    [(configuration, _), *_] = documented("steck")
    home.type(configuration)
    return home


def found(pattern: re.Pattern[str], printed: str) -> str:
    match = pattern.search(printed)
    assert match is not None, printed
    return match[1]


def post(client: httpx.Client, *files: dict[str, str], expiry: Any = "1day") -> httpx.Response:
    return client.post("/api/v1/paste", json={"expiry": expiry, "files": list(files)})


def entry_of(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/entries/{answer.json()['link'].rpartition('/')[2]}").json()
    return found


def test_text_that_the_client_sends_reads_back_to_the_byte(steck: Home, doors_client: httpx.Client) -> None:
    sent = ("\ufeff  " + LINE * 3 + "  ").encode()
    steck.write("app.log", sent)

    printed = steck.run("steck", "paste", "--no-confirm", "app.log")

    assert doors_client.get(found(LINK, printed)).content == sent


def test_removal_link_opens_the_page_that_deletes(steck: Home, doors_client: httpx.Client) -> None:
    printed = steck.run("steck", "paste", "--no-confirm", "-", stdin=b"text")

    page, _, token = found(REMOVAL, printed).partition("#")
    assert page == f"{found(LINK, printed)}/manage"
    assert doors_client.get(page, headers={"Accept": "text/html"}).status_code == 200
    deleted = doors_client.delete(
        page.replace("/manage", "").replace(steck.site, "/api/v1/entries"), headers={"X-Manage-Token": token}
    )
    assert deleted.status_code == 204


def test_client_sends_ten_mebibytes(steck: Home, doors_client: httpx.Client) -> None:
    sent = (LINE * (10 * MEBIBYTE // len(LINE.encode()))).encode()
    sent += b"a" * (10 * MEBIBYTE - len(sent))
    steck.write("large.log", sent)

    printed = steck.run("steck", "paste", "--no-confirm", "large.log")

    assert doors_client.get(found(LINK, printed)).content == sent


def test_several_files_are_one_paste_with_their_names_above_them(steck: Home, doors_client: httpx.Client) -> None:
    steck.write("a.py", b"print()")
    steck.write("b.txt", b"two\n")

    printed = steck.run("steck", "paste", "--no-confirm", "--no-ignore", "--no-magic", "a.py", "b.txt")

    assert doors_client.get(found(LINK, printed)).text == "==> a.py <==\nprint()\n\n==> b.txt <==\ntwo\n"


def test_answer_has_a_space_before_the_link(doors_client: httpx.Client) -> None:
    """Scripts look for it so, without a parser."""
    answer = post(doors_client, {"name": "a", "lexer": "text", "content": "a"})

    assert re.fullmatch(r'\{"link": "http://\S+", "removal": "http://\S+"\}', answer.text)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_json_under_a_wrong_type_is_read(doors_client: httpx.Client, content_type: str) -> None:
    body = json.dumps({"expiry": "1day", "files": [{"lexer": "python", "content": "ä"}]}).encode()

    answer = doors_client.post("/api/v1/paste", content=body, headers={"Content-Type": content_type})

    assert entry_of(doors_client, answer)["syntax"] == "python"


@pytest.mark.parametrize(
    ("expiry", "lifetime"),
    [
        ("1hour", timedelta(hours=1)),
        ("1day", timedelta(days=1)),
        ("2weeks", timedelta(weeks=2)),
        ("1month", timedelta(days=30)),
        ("1year", timedelta(days=365)),
        ("50years", timedelta(days=365)),
        ("90m", timedelta(minutes=90)),
        (3600, timedelta(hours=1)),
    ],
)
def test_expiry_in_the_words_of_pinnwand(doors_client: httpx.Client, expiry: Any, lifetime: timedelta) -> None:
    entry = entry_of(doors_client, post(doors_client, {"lexer": "text", "content": "a"}, expiry=expiry))

    assert datetime.fromisoformat(entry["expires_at"]) - datetime.fromisoformat(entry["created_at"]) == lifetime


def test_name_is_the_title_and_tells_the_language(doors_client: httpx.Client) -> None:
    """steck calls everything text that it does not know; a lexer that we don't know says nothing either."""
    for lexer in ("text", "autodetect", "no-such"):
        entry = entry_of(doors_client, post(doors_client, {"name": "main.rs", "lexer": lexer, "content": "a"}))
        assert (entry["title"], entry["syntax"], entry["detected_syntax"]) == ("main.rs", None, "rust")


def test_what_clients_are_told_that_may_be_sent_can_be_sent(doors_client: httpx.Client) -> None:
    lexers = doors_client.get("/api/v1/lexer").json()
    expiries = doors_client.get("/api/v1/expiry").json()

    assert (lexers["python"], lexers["autodetect"], lexers["text"]) == ("Python", "Autodetect", "Plain text")
    assert expiries == {
        "1hour": "1:00:00",
        "1day": "1 day, 0:00:00",
        "1week": "7 days, 0:00:00",
        "1month": "30 days, 0:00:00",
        "1year": "365 days, 0:00:00",
    }
    for expiry in expiries:
        answer = post(doors_client, {"lexer": "rust", "content": "a"}, expiry=expiry)
        assert entry_of(doors_client, answer)["syntax"] == "rust"


@pytest.mark.parametrize("title", ["main.rs", None, '\\u0000 "\\u0000" \\" \\'])
def test_paste_is_read_as_a_file(doors_client: httpx.Client, title: str | None) -> None:
    sent = {"title": title, "syntax": "rust", "text": '\u00fc \\ " \\u0000\n' * 100_000}
    key = create_paste(doors_client, **sent)["key"]

    found = doors_client.get(f"/api/v1/paste/{key}").json()

    assert found == {"files": [{"name": title, "lexer": "rust", "content": sent["text"]}]}
    assert doors_client.get(f"/api/v1/paste/{key}.rs").json() == found
    assert doors_client.get("/api/v1/paste/4aBcDeFgHjK").status_code == 404


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\r\nSet-Cookie: b", "\u202egpj.exe", "a" * 5000, "\x00", " "])
def test_hostile_name_does_no_harm(doors_client: httpx.Client, name: str) -> None:
    answer = post(doors_client, {"name": name, "lexer": "text", "content": "a"})

    title = entry_of(doors_client, answer)["title"]
    assert title is None or (len(title) <= 200 and not re.search(r"[/\\\x00-\x1f\u202e]", title))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"text", b"\xff", b'{"expiry": "1day", "files": []}', b'{"files": [{"content": ""}]}',
        b'{"files": [{"content": "\\ud800"}]}', b'{"files": [{"content": 1}]}', b'{"files": [{"lexer": "text"}]}',
        b'{"expiry": "soon", "files": [{"content": "a"}]}', b'{"expiry": null, "files": {"content": "a"}}',
    ],
)  # fmt: skip
def test_what_makes_no_paste_is_refused_with_a_sentence(doors_client: httpx.Client, body: bytes) -> None:
    answer = doors_client.post("/api/v1/paste", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
