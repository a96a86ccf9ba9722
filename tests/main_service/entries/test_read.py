"""GET /{key} and what belongs to it: redirect, text, page, preview."""

import html
import re

import httpx
import pytest

from tests.support.entries import create_link, create_paste, manage_headers

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_link_redirects_browsers_and_programs_alike(client: httpx.Client) -> None:
    key = create_link(client)["key"]

    for headers in (BROWSER, {}):
        response = client.get(f"/{key}", headers=headers)
        assert response.status_code == 302
        assert response.headers["location"] == "https://example.org/target"
        assert response.headers["cache-control"] == "private, no-store"


def test_paste_is_a_page_for_browsers_and_text_for_everybody_else(client: httpx.Client) -> None:
    key = create_paste(client, text="one\n<two>\n")["key"]

    page = client.get(f"/{key}", headers=BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept, Accept-Encoding"
    assert "id=L2>" in page.text
    assert "&lt;two&gt;" in page.text
    assert "id=L3>" not in page.text
    for accept in ("*/*", "text/plain", "", "application/json", "text/html;q=0, */*"):
        response = client.get(f"/{key}", headers={"Accept": accept})
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.content == b"one\n<two>\n"


def test_raw_text_can_never_become_a_page(client: httpx.Client) -> None:
    key = create_paste(client, text="<script>alert(1)</script>")["key"]

    for address in (f"/{key}/raw", f"/{key}", f"/api/v1/entries/{key}/text"):
        response = client.get(address)
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in response.headers["content-security-policy"]


@pytest.mark.parametrize("suffix", ["", "/raw", "+", "/manage"])
def test_head_answers_as_get_without_a_body(client: httpx.Client, suffix: str) -> None:
    key = create_paste(client)["key"]

    got = client.get(f"/{key}{suffix}")
    headed = client.head(f"/{key}{suffix}")

    assert (headed.status_code, headed.content) == (got.status_code, b"")
    ignored = {"date", "x-request-id"} | ({"set-cookie", "content-length"} if suffix == "/manage" else set())
    assert {n: v for n, v in headed.headers.items() if n not in ignored} == {
        n: v for n, v in got.headers.items() if n not in ignored
    }


def test_head_of_a_link_shows_where_it_leads(client: httpx.Client) -> None:
    response = client.head(f"/{create_link(client)['key']}")

    assert (response.status_code, response.headers["location"]) == (302, "https://example.org/target")


def test_plus_previews_a_link_instead_of_following_it(client: httpx.Client) -> None:
    key = create_link(client, original_url="https://bücher.example/?a=1&b=<2>")["key"]

    response = client.get(f"/{key}+", headers=BROWSER)

    assert response.status_code == 200
    words = html.unescape(re.sub(r"<[^<>]*>", "", response.text))
    assert "https://bücher.example/?a=1&b=<2>" in words
    assert "https://xn--bcher-kva.example/?a=1&b=%3C2%3E" in words


def test_plus_of_a_paste_leads_to_the_paste(client: httpx.Client) -> None:
    key = create_paste(client)["key"]

    response = client.get(f"/{key}+", headers=BROWSER)

    assert (response.status_code, response.headers["location"]) == (302, f"/{key}")


def test_link_has_no_text(client: httpx.Client) -> None:
    key = create_link(client)["key"]

    for address in (f"/{key}/raw", f"/api/v1/entries/{key}/text"):
        response = client.get(address)
        assert (response.status_code, response.json()["code"]) == (404, "not_a_paste")


def test_only_public_entries_may_be_indexed(client: httpx.Client) -> None:
    public = create_paste(client, visibility="public")["key"]
    unlisted = create_paste(client)["key"]
    public_link = create_link(client, visibility="public")["key"]

    for address in (f"/{public}", f"/{public}/raw", f"/{public_link}", f"/{public_link}+"):
        assert "noindex" not in client.get(address, headers=BROWSER).headers["x-robots-tag"]
    for address in (f"/{unlisted}", f"/{unlisted}/raw", "/docs", "/api/v1/entries/nothing", "/nothing-here"):
        assert client.get(address, headers=BROWSER).headers["x-robots-tag"] == "noindex"


def test_unknown_key_is_a_404_as_json_and_as_page(client: httpx.Client) -> None:
    for address in ("/unknown-key", "/unknown-key/raw", "/unknown-key+", "/unknown-key/manage", "/a", "/ümlaut-ü"):
        page = client.get(address, headers=BROWSER)
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        problem = client.get(address)
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.json()["code"] == "not_found"
    assert client.get("/api/v1/entries/unknown-key", headers=BROWSER).json()["status"] == 404


def test_ended_key_is_a_410_with_the_reason(client: httpx.Client) -> None:
    paste = create_paste(client)
    client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste))

    for suffix in ("", "/raw", "+", "/manage"):
        page = client.get(f"/{paste['key']}{suffix}", headers=BROWSER)
        assert page.status_code == 410
        assert "deleted by its owner" in page.text
        problem = client.get(f"/{paste['key']}{suffix}").json()
        assert (problem["code"], problem["reason"]) == ("ended", "deleted")
    assert client.get(f"/api/v1/entries/{paste['key']}").json()["reason"] == "deleted"


def test_entry_is_described_without_its_manage_token(client: httpx.Client) -> None:
    for created in (create_paste(client), create_link(client)):
        response = client.get(f"/api/v1/entries/{created['key']}")

        assert response.status_code == 200
        # How often it was visited is told to who manages it.
        shown = created | {"visit_count": None, "imported_visit_count": None}
        assert response.json() == {name: value for name, value in shown.items() if name != "manage_token"}


def test_page_of_a_large_text_is_plain_and_whole(client: httpx.Client) -> None:
    text = "<line>\n" * 200_000
    key = create_paste(client, text=text)["key"]

    page = client.get(f"/{key}", headers=BROWSER).text

    assert 'id="L1"' not in page
    assert page.count("&lt;line&gt;\n") == 200_000
