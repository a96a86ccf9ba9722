"""POST /api/v1/pastes, on both kinds of object store where the text matters."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, new_alias
from tests.support.web import WebServer

MEBIBYTE = 1024 * 1024


def test_paste_gets_a_short_address_that_shows_the_text(store_client: httpx.Client) -> None:
    response = store_client.post("/api/v1/pastes", json={"text": "héllo\n", "title": "Greeting", "syntax": "Python"})

    assert response.status_code == 201
    paste = response.json()
    assert set(paste) == {
        "key", "url", "raw_url", "text_url", "kind", "title", "syntax", "detected_syntax", "size_bytes", "visibility",
        "created_at", "updated_at", "expires_at", "views_left", "has_public_statistics", "visit_count",
        "imported_visit_count", "manage_token",
    }  # fmt: skip
    assert paste["url"] == response.headers["location"] == f"http://slipbin.test/{paste['key']}"
    assert paste["raw_url"] == f"http://slipbin.test/{paste['key']}/raw"
    assert paste["text_url"] == f"http://slipbin.test/api/v1/entries/{paste['key']}/text"
    assert (paste["kind"], paste["syntax"], paste["size_bytes"]) == ("paste", "python", 7)
    assert len(paste["key"]) == 11
    assert store_client.get(f"/{paste['key']}/raw").content == "héllo\n".encode()


@pytest.mark.parametrize(
    "text",
    [
        "\n first newline", "trailing \n\n", "\r\n windows\r old mac\n", "nul \x00 in between", "tab\t\x0b\x0c\x1b",
        "</textarea><script>alert(1)</script>", "\u202eright to left\u200b", "\ufeffbyte order mark", "emoji 🦊👩‍👩‍👧",
        "\u2028\u2029\x85", "a" * MEBIBYTE, " ", "\x00",
    ],
)  # fmt: skip
def test_text_comes_back_to_the_byte(store_client: httpx.Client, text: str) -> None:
    key = create_paste(store_client, text=text)["key"]

    assert store_client.get(f"/{key}/raw").content == text.encode()
    assert store_client.get(f"/api/v1/entries/{key}/text").content == text.encode()


def test_text_of_the_full_10_mib_is_accepted_however_json_writes_it(store_client: httpx.Client) -> None:
    text = "\x01ü" * (10 * MEBIBYTE // 3)
    body = json.dumps({"text": text}, ensure_ascii=True).encode()
    assert len(body) > 30 * MEBIBYTE

    response = store_client.post("/api/v1/pastes", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 201, response.text
    assert store_client.get(f"/{response.json()['key']}/raw").content == text.encode()


def test_text_over_the_limit_is_a_413(client: httpx.Client) -> None:
    response = client.post("/api/v1/pastes", json={"text": "a" * (10 * MEBIBYTE + 1)})

    assert (response.status_code, response.json()["code"]) == (413, "text_too_large")


def test_limit_counts_bytes_of_utf_8_not_letters(environment: Environment) -> None:
    with WebServer(environment | {"MAIN_MAX_TEXT_BYTES": "6"}) as small:
        assert small.client.post("/api/v1/pastes", json={"text": "üüü"}).status_code == 201
        assert small.client.post("/api/v1/pastes", json={"text": "üüüa"}).status_code == 413


def test_empty_text_is_refused(client: httpx.Client) -> None:
    response = client.post("/api/v1/pastes", json={"text": ""})

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "text")


def test_lone_surrogate_is_refused(client: httpx.Client) -> None:
    response = client.post(
        "/api/v1/pastes", content=b'{"text": "\\ud800"}', headers={"Content-Type": "application/json"}
    )

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "text")


@pytest.mark.parametrize("syntax", ["klingon", "", "py thon"])
def test_unknown_syntax_is_refused(client: httpx.Client, syntax: str) -> None:
    response = client.post("/api/v1/pastes", json={"text": "a", "syntax": syntax})

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "syntax_unknown")


def test_paste_and_link_share_one_set_of_keys(client: httpx.Client) -> None:
    alias = create_link(client, alias=new_alias())["key"]

    response = client.post("/api/v1/pastes", json={"text": "a", "alias": alias})

    assert (response.status_code, response.json()["code"]) == (409, "alias_taken")


def test_refused_alias_leaves_no_text_behind(environment: Environment, client: httpx.Client) -> None:
    alias = create_paste(client, alias=new_alias())["key"]
    marker = "left behind? " * 5000
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    before = {file for file in folder.rglob("*") if file.is_file()}

    assert client.post("/api/v1/pastes", json={"text": marker, "alias": alias}).status_code == 409

    assert {file for file in folder.rglob("*") if file.is_file()} == before
