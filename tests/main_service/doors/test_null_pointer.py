"""0x0: curl as its page says, and pyshorteners' nullpointer, unmodified."""

import re
import time
from datetime import datetime, timedelta

import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.foreign_clients import Home, foreign_client
from tests.support.tools import find_curl

LINE = "ümläut – 🐍 \t & = % + ;  \x00 \x1b[31m <script>\r\n"
MEBIBYTE = 1024 * 1024


@pytest.fixture
def curl(home: Home) -> Home:
    home.has("curl", str(find_curl()))
    return home


def entry_of(client: httpx.Client, url: str) -> dict[str, str]:
    found: dict[str, str] = client.get(f"/api/v1/entries/{url.strip().rpartition('/')[2]}").raise_for_status().json()
    return found


def left(client: httpx.Client, url: str) -> timedelta:
    entry = entry_of(client, url)
    return datetime.fromisoformat(entry["expires_at"]) - datetime.fromisoformat(entry["updated_at"])


def test_file_that_curl_sends_reads_back_to_the_byte(curl: Home, doors_client: httpx.Client) -> None:
    for size in (1, 10 * MEBIBYTE // len(LINE.encode())):
        sent = (LINE * size).encode()
        curl.write("app.log", sent)

        url = curl.run("curl", "-sSf", "-F", "file=@app.log", curl.site)

        assert url.endswith("\n")
        assert doors_client.get(url.strip()).content == sent
        assert entry_of(doors_client, url)["title"] == "app.log"


def test_nullpointer_of_pyshorteners_shortens(home: Home, doors_client: httpx.Client) -> None:
    python = foreign_client("python", "pyshorteners")
    target = "https://example.org/?q=a%20b&c=ü+d#e"
    program = f"import pyshorteners; print(pyshorteners.Shortener(domain={home.site!r}).nullpointer.short({target!r}))"

    url = home.run(python, "-c", program).strip()

    assert entry_of(doors_client, url)["original_url"] == target


def test_token_deletes_at_the_link(doors_client: httpx.Client) -> None:
    made = doors_client.post("/", files={"file": ("a.txt", b"text")})
    url, token = made.text.strip(), made.headers["x-token"]

    assert doors_client.post(url, files={"token": (None, "forged"), "delete": (None, "")}).status_code == 403
    assert doors_client.get(url).text == "text"
    assert doors_client.post(url, files={"token": (None, token), "delete": (None, "")}).status_code == 200
    assert doors_client.get(url).status_code == 410
    assert doors_client.post(url, files={"token": (None, token), "delete": (None, "")}).status_code == 410


def test_token_changes_when_it_ends_in_hours_or_milliseconds(doors_client: httpx.Client) -> None:
    made = doors_client.post("/", data={"shorten": "https://example.org/a"})
    url, token = made.text.strip(), made.headers["x-token"]

    assert doors_client.post(url, data={"token": token, "expires": "48"}).status_code == 202
    assert round(left(doors_client, url) / timedelta(seconds=1)) == 48 * 3600
    at = (int(time.time()) + 5 * 86_400) * 1000
    assert doors_client.post(url, files={"token": (None, token), "expires": (None, str(at))}).status_code == 202
    assert datetime.fromisoformat(entry_of(doors_client, url)["expires_at"]).timestamp() * 1000 == at
    assert doors_client.post(url, data={"token": token, "expires": "soon"}).status_code == 422
    assert doors_client.post(url, data={"token": token}).status_code == 422


def test_lifetime_when_it_is_made(doors_client: httpx.Client) -> None:
    made = doors_client.post("/", files={"file": ("a.txt", b"text"), "expires": (None, "24")})

    assert left(doors_client, made.text) == timedelta(hours=24)
    ends_at = datetime.fromisoformat(entry_of(doors_client, made.text)["expires_at"])
    assert int(made.headers["x-expires"]) == int(ends_at.timestamp() * 1000)
    later = doors_client.post("/", files={"file": ("a.txt", b"text"), "expires": (None, "9999999")})
    assert left(doors_client, later.text) == timedelta(days=365)


def test_secret_makes_a_key_that_is_hard_to_guess(doors_client: httpx.Client) -> None:
    target = (None, "https://example.org/a")
    keys = [
        doors_client.post("/", files=fields).text.strip().rpartition("/")[2]
        for fields in ({"shorten": target}, {"shorten": target, "secret": (None, "")})
    ]

    assert [len(key) for key in keys] == [7, 11]


def test_entry_of_an_account_has_no_token(doors_client: httpx.Client) -> None:
    user = new_user(doors_client)
    made = doors_client.post("/", files={"file": ("a.txt", b"text")}, headers=user.headers)

    assert "x-token" not in made.headers
    assert doors_client.post(made.text.strip(), data={"token": "a", "delete": ""}).status_code in (401, 403)
    assert doors_client.get(made.text.strip()).text == "text"


def test_posting_to_an_entry_without_a_token_changes_nothing(doors_client: httpx.Client) -> None:
    url = doors_client.post("/", files={"file": ("a.txt", b"text")}).text.strip()

    assert doors_client.post(url, data={"delete": ""}).status_code == 401
    assert doors_client.get(url).text == "text"
    assert doors_client.post("/4aBcDeFgHjK", data={"token": "a", "delete": ""}).status_code == 404


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a\r\nX: b", "\u202egpj.exe", "a" * 5000, "\x00", "", "CON", '"; filename="b', "\ud83d"],
)
def test_hostile_name_of_a_file_does_no_harm(doors_client: httpx.Client, name: str) -> None:
    head = b'Content-Disposition: form-data; name="file"; filename="%b"' % name.encode(errors="surrogatepass")
    body = b"--x\r\n" + head + b"\r\n\r\none\r\ntwo\r\n--x--\r\n"

    made = doors_client.post("/", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})

    assert doors_client.get(made.text.strip()).content == b"one\r\ntwo"
    title = entry_of(doors_client, made.text)["title"]
    assert title is None or (len(title) <= 200 and not re.search(r"[/\\\x00-\x1f\u202e]", title))
