"""pastebinit: Debian's client with the configuration of our page, and with the one that it has for dpaste.com."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from tests.support.foreign_clients import Home, documented
from tests.support.tools import needs

LINE = "ümläut – 🐍 \t & = % + ;  \x00 \x1b[31m <script>\n"
MEBIBYTE = 1024 * 1024
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DPASTE = "/usr/share/pastebin.d/dpaste.com.conf"


@pytest.fixture
def pastebinit(home: Home) -> Home:
    """A home with the client, configured as the page says."""
    needs("pastebinit", "pastebinit")
    [(configuration, _), *_] = documented("pastebinit")
    home.type(configuration)
    return home


@pytest.fixture
def dpaste(home: Home) -> Home:
    """A home with the client, and its stock configuration with our host in place of dpaste.com."""
    needs("pastebinit", "pastebinit")
    stock = Path(DPASTE).read_text()
    assert "https = True\n" in stock
    ours = stock.replace("dpaste.com", home.host).replace("https = True\n", "")
    home.write(".pastebin.d/ours.conf", ours.encode())
    return home


def entry_of(client: httpx.Client, url: str) -> dict[str, object]:
    found: dict[str, object] = client.get(f"/api/v1/entries/{url.rpartition('/')[2]}").raise_for_status().json()
    return found


def lifetime_of(entry: dict[str, object]) -> timedelta:
    return datetime.fromisoformat(str(entry["expires_at"])) - datetime.fromisoformat(str(entry["created_at"]))


@pytest.mark.parametrize("configured", ["pastebinit", "dpaste"])
def test_text_that_the_client_sends_reads_back_to_the_byte(
    request: pytest.FixtureRequest, doors_client: httpx.Client, configured: str
) -> None:
    home: Home = request.getfixturevalue(configured)
    # The client drops white space at the end itself.
    sent = ("\ufeff  " + LINE * 3).rstrip()
    home.write("app.log", sent.encode())

    url = home.run("pastebinit", "-b", home.host, "-t", "Überblick & more", "-f", "python", "app.log").strip()

    entry = entry_of(doors_client, url)
    assert doors_client.get(url).content == sent.encode()
    assert (entry["title"], entry["syntax"]) == ("Überblick & more", "python")
    assert lifetime_of(entry) == (timedelta(days=30) if configured == "dpaste" else timedelta(days=10))


@pytest.mark.parametrize("configured", ["pastebinit", "dpaste"])
def test_client_sends_ten_mebibytes(
    request: pytest.FixtureRequest, doors_client: httpx.Client, configured: str
) -> None:
    home: Home = request.getfixturevalue(configured)
    sent = (LINE * (10 * MEBIBYTE // len(LINE.encode()))).strip().encode()
    sent += b"a" * (10 * MEBIBYTE - len(sent))

    url = home.run("pastebinit", "-b", home.host, stdin=sent).strip()

    assert doors_client.get(url).content == sent
    assert entry_of(doors_client, url)["syntax"] is None


def test_lifetime_and_what_is_empty(doors_client: httpx.Client) -> None:
    form = {"text": "a\r\nb", "title": "", "syntax": "", "expires": "2h"}
    entry = entry_of(doors_client, doors_client.post("/pastebinit", data=form).text.strip())
    form["expires"] = ""
    unsaid = entry_of(doors_client, doors_client.post("/pastebinit", data=form).text.strip())

    assert (entry["title"], entry["syntax"], lifetime_of(entry)) == (None, None, timedelta(hours=2))
    assert lifetime_of(unsaid) == timedelta(days=10)
    assert doors_client.get(f"/{entry['key']}").content == b"a\r\nb"


def test_answer_of_dpaste_names_link_and_end(doors_client: httpx.Client) -> None:
    for path in ("/api/v2/", "/api/v2"):
        answer = doors_client.post(path, data={"content": "text", "expiry_days": "3"})

        assert answer.status_code == 201
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == answer.headers["location"] + "\n"
        left = parsedate_to_datetime(answer.headers["expires"]) - datetime.now(UTC)
        assert timedelta(days=2, hours=23) < left <= timedelta(days=3)
        assert answer.headers["x-manage-token"]


def test_lifetime_that_the_client_fixes_is_cut_to_the_longest_allowed(doors_client: httpx.Client) -> None:
    url = doors_client.post("/api/v2/", data={"content": "text", "expiry_days": "3650"}).text.strip()

    assert lifetime_of(entry_of(doors_client, url)) == timedelta(days=365)


@pytest.mark.parametrize("path", ["/pastebinit", "/api/v2/"])
def test_form_of_several_parts_is_read_too(doors_client: httpx.Client, path: str) -> None:
    """`curl -F 'content=<-'` sends such a form."""
    name = "text" if path == "/pastebinit" else "content"
    answer = doors_client.post(path, files={name: (None, b"one\r\ntwo"), "syntax": (None, b"yaml")})

    assert entry_of(doors_client, answer.text.strip())["syntax"] == "yaml"
    assert doors_client.get(answer.text.strip()).content == b"one\r\ntwo"


def test_unknown_language_is_left_to_be_found(doors_client: httpx.Client) -> None:
    answer = doors_client.post("/api/v2/", data={"content": "text", "syntax": "no such language", "poster": "me"})

    assert entry_of(doors_client, answer.text.strip())["syntax"] is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"text=", b"other=a", b"text=a&text=b", b"text=%", b"text=%zz", b"text=%ff", b"text=%ed%a0%80", b"\xff=a",
        b"&".join(b"%d=" % number for number in range(30)), b"text=a&title=a%0ab", b"text=a&expires=soon",
        b"text=a&title=" + b"a" * 201,
    ],
)  # fmt: skip
def test_form_that_makes_no_paste_is_refused_with_a_sentence(doors_client: httpx.Client, body: bytes) -> None:
    answer = doors_client.post("/pastebinit", content=body, headers=FORM)

    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_text_over_the_limit_is_refused(doors_client: httpx.Client) -> None:
    for size in (10 * MEBIBYTE + 1, 35 * MEBIBYTE):
        answer = doors_client.post("/pastebinit", content=b"text=" + b"a" * size, headers=FORM)
        assert answer.status_code == 413
