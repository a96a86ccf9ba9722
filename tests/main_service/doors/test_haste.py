"""haste: its client from PyPI, unmodified, and the calls that other clients of it make."""

import json

import httpx
import pytest

from tests.support.accounts import new_user, sign_in_on_page
from tests.support.entries import create_link, create_paste, owned_paste
from tests.support.foreign_clients import Home, documented, foreign_client

LINE = "ümläut – 🐍 \t & = % + ;  \x00 \x1b[31m <script>\n"
MEBIBYTE = 1024 * 1024


@pytest.fixture
def haste(home: Home) -> Home:
    """A home with the client, configured as the page says."""
    home.has("haste", foreign_client("haste", "haste-client"))
    [(configuration, _), *_] = documented("haste-client")
    home.type(configuration)
    return home


def test_text_that_the_client_sends_reads_back_to_the_byte(haste: Home, doors_client: httpx.Client) -> None:
    # The client drops white space at both ends itself.
    sent = ("\ufeff" + LINE * 3).strip()
    haste.write("app.log", sent.encode())

    url = haste.run("haste", "app.log").strip()
    raw = haste.run("haste", "--raw", "-", stdin=sent.encode()).strip()

    key = url.removeprefix(f"{doors_client.base_url}".rstrip("/") + "/")
    assert doors_client.get(url).content == sent.encode()
    assert "/raw/" in raw
    assert doors_client.get(raw).content == sent.encode()
    assert doors_client.get(f"/documents/{key}").json() == {"data": sent, "key": key}


def test_client_sends_ten_mebibytes(haste: Home, doors_client: httpx.Client) -> None:
    sent = (LINE * (10 * MEBIBYTE // len(LINE.encode()))).strip().encode()
    sent += b"a" * (10 * MEBIBYTE - len(sent))
    haste.write("large.log", sent)

    raw = haste.run("haste", "--raw", "large.log").strip()

    assert doors_client.get(raw).content == sent
    document = doors_client.get(raw.replace("/raw/", "/documents/")).content
    assert json.loads(document)["data"].encode() == sent


@pytest.mark.parametrize(
    "content_type",
    ["", "application/x-www-form-urlencoded", "application/json", "multipart/form-data", "text/html", '\xff;=";'],
)
def test_body_is_the_text_whatever_its_type_says(doors_client: httpx.Client, content_type: str) -> None:
    sent = b"url=https://example.org/ & {\r\n--x\r\n"

    answer = doors_client.post("/documents", content=sent, headers=[(b"Content-Type", content_type.encode("latin-1"))])

    assert answer.headers["content-type"] == "application/json"
    assert doors_client.get(f"/raw/{answer.json()['key']}").content == sent


def test_form_of_several_parts_has_the_text_in_its_field(doors_client: httpx.Client) -> None:
    answer = doors_client.post("/documents", files={"other": (None, b"b"), "data": (None, b"one\r\ntwo")})

    assert doors_client.get(f"/raw/{answer.json()['key']}").content == b"one\r\ntwo"


def test_guest_can_delete_what_the_door_has_made(doors_client: httpx.Client) -> None:
    answer = doors_client.post("/documents", content=b"text")
    key, token = answer.json()["key"], answer.headers["x-manage-token"]

    assert doors_client.delete(f"/api/v1/entries/{key}", headers={"X-Manage-Token": token}).status_code == 204
    assert doors_client.get(f"/raw/{key}").status_code == 410
    assert doors_client.get(f"/documents/{key}").status_code == 410


def test_extension_of_a_link_is_no_part_of_its_key(doors_client: httpx.Client) -> None:
    key = create_paste(doors_client, text="print()")["key"]

    assert doors_client.get(f"/raw/{key}.py").text == "print()"
    assert doors_client.get(f"/documents/{key}.py").json() == {"data": "print()", "key": key}


def test_what_is_no_text_is_not_found(doors_client: httpx.Client) -> None:
    for key in (create_link(doors_client)["key"], "4aBcDeFgHjK", "%2e%2e", "a"):
        for path in (f"/raw/{key}", f"/documents/{key}"):
            assert doors_client.get(path).status_code == 404, path


def test_limited_view_is_spent_by_command_line_programs_and_not_by_browsers(doors_client: httpx.Client) -> None:
    key = create_paste(doors_client, text="once", views=1)["key"]
    program = {"User-Agent": "curl/8.0"}

    for path in (f"/raw/{key}", f"/documents/{key}"):
        assert doors_client.get(path, headers={"User-Agent": "Mozilla/5.0"}).status_code == 403
        doors_client.head(path, headers=program)
    assert doors_client.get(f"/documents/{key}", headers=program).json()["data"] == "once"
    assert doors_client.get(f"/raw/{key}", headers=program).status_code == 410


def test_private_text_is_for_its_owner(doors_client: httpx.Client) -> None:
    """The owner's token reads it without a question; the cookie of a browser counts for nothing here."""
    user = new_user(doors_client)
    sign_in_on_page(doors_client, user.email)
    key = owned_paste(doors_client, user, text="mine", visibility="private", views=2)

    for path in (f"/raw/{key}", f"/documents/{key}"):
        assert doors_client.get(path).status_code == 404
        assert "mine" in doors_client.get(path, headers=user.headers).text


@pytest.mark.parametrize("sent", [b"", b"a\xffb", b"\xed\xa0\x80"])
def test_what_is_no_text_in_utf8_is_refused(doors_client: httpx.Client, sent: bytes) -> None:
    assert doors_client.post("/documents", content=sent).status_code == 422
