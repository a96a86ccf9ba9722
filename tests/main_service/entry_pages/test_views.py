"""A paste is shown as code or as its preview: which one opens, what the page says, and what no query can spoil."""

import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste, manage_headers, owned_paste
from tests.support.pages import BROWSER
from tests.support.previews import page_with_preview as page
from tests.support.waiting import eventually
from tests.support.web import WebServer

SAMPLES = {
    "markdown": ("# A *title*\n", '<h2 id="doc-a-title"'),
    "md": ("# A *title*\n", '<h2 id="doc-a-title"'),
    "csv": ("a;b\n1;2\n", '<th scope="col" class="n">a</th>'),
    "tsv": ("a,b\tc\n", '<th scope="col">a,b</th>'),
    "json": ('{"a":1.10}', "id=L3>}"),
    "diff": ("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n", "1 file changed"),
    "ansi": ("\x1b[31mred\x1b[0m\n", '<span class="f-red">red</span>'),
}
"""A text in each language with a preview, and a part of its preview."""


@pytest.fixture
def client(web: WebServer) -> httpx.Client:
    return web.client


@pytest.mark.parametrize("syntax", SAMPLES)
def test_a_preview_is_beside_the_code_and_opens_first_for_markdown(client: httpx.Client, syntax: str) -> None:
    text, part = SAMPLES[syntax]
    key = create_paste(client, text=text, syntax=syntax)["key"]

    first, preview, code = (page(client, key, query) for query in ("", "?view=preview", "?view=code"))

    assert part in preview
    assert (part in first) == (syntax in {"markdown", "md"})
    for shown, is_preview in ((preview, True), (code, False)):
        assert (f'href="/{key}?view=preview" aria-current="page"' in shown) == is_preview
        assert (f'href="/{key}?view=code" aria-current="page"' in shown) == (not is_preview)
    assert 'class="code lines digits-1" id="text"' in code
    # What the button copies is the text, not its preview.
    assert preview.count('id="text"') == 1
    assert '<pre id="text" hidden>' in preview


def test_a_log_without_a_language_has_a_preview_if_it_has_colours(client: httpx.Client) -> None:
    plain = create_paste(client, text="a log\n")["key"]
    coloured = create_paste(client, text="a \x1b[32mgreen\x1b[0m log\n")["key"]

    assert "view=preview" not in page(client, plain, "")
    assert f"/{coloured}?view=preview" in page(client, coloured, "")
    assert '<span class="f-green">green</span>' in page(client, coloured, "?view=preview")


def test_a_language_without_a_preview_shows_its_code_and_says_so(client: httpx.Client) -> None:
    key = create_paste(client, text="x = 1\n", syntax="python")["key"]

    shown = page(client, key, "?view=preview")

    assert "There is no preview of this text" in shown
    assert 'id="L1"' in shown or "id=L1" in shown


def test_json_that_is_not_valid_is_shown_as_code_and_says_where_it_breaks(client: httpx.Client) -> None:
    key = create_paste(client, text='{"a": 1,\n "b" 2}\n', syntax="json")["key"]

    shown = page(client, key, "?view=preview")

    assert "isn&#39;t valid JSON" in shown
    assert "line 2, column 6" in shown
    assert "id=L2" in shown


@pytest.mark.parametrize("syntax", ["markdown", "json"])
def test_what_is_too_long_as_a_whole_is_shown_as_code(client: httpx.Client, syntax: str) -> None:
    key = create_paste(client, text="[1]\n" * 150_000, syntax=syntax)["key"]

    shown = page(client, key, "?view=preview")

    assert "too long for a preview" in shown
    assert "id=L2" in shown


@pytest.mark.parametrize(
    ("syntax", "line", "said"),
    [
        ("csv", "1,2,ü\n", "Only the first 2,000 rows are shown here"),
        ("diff", "+added ü\n", "Only the beginning is shown here"),
        ("ansi", "\x1b[31mü\n", "Only the beginning is shown here"),
    ],
)
def test_of_what_is_longer_the_beginning_is_shown(client: httpx.Client, syntax: str, line: str, said: str) -> None:
    key = create_paste(client, text=line * 200_000, syntax=syntax)["key"]

    shown = page(client, key, "?view=preview")

    assert f"{said}; the rest is in Code and Raw." in shown
    assert "\ufffd" not in shown


@pytest.mark.parametrize("view", ["nothing", "", "CODE", "preview%00"])
def test_an_unknown_view_is_refused_before_anything_is_spent(client: httpx.Client, view: str) -> None:
    paste = create_paste(client, text="x", views=1)
    address = f"/{paste['key']}?view={view}"

    for_browser = client.get(address, headers=BROWSER | {"X-Reveal": "1"})

    assert for_browser.status_code == 422
    assert "The views of a paste are code and preview" in for_browser.text
    assert client.get(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste)).json()["views_left"] == 1


def test_views_are_nothing_to_links_and_plain_texts(client: httpx.Client) -> None:
    link, paste = create_link(client), create_paste(client, text="# x", syntax="markdown")

    assert client.get(f"/{link['key']}?view=nothing", headers=BROWSER).status_code == 302
    assert client.get(f"/{paste['key']}?view=nothing").text == "# x"


def test_where_views_are_limited_the_one_that_is_spent_shows_the_code(client: httpx.Client) -> None:
    key = create_paste(client, text="# x\n", syntax="markdown", views=2)["key"]

    shown = client.get(f"/{key}?view=preview", headers=BROWSER | {"X-Reveal": "1"}).text

    assert "id=L1" in shown
    assert "view=" not in shown


def test_a_private_text_has_its_preview_for_its_owner_alone(client: httpx.Client) -> None:
    owner = new_user(client)

    def find() -> str | None:
        # Another each time: nothing of it is kept, so what took long on a busy machine is not tried again soon.
        key = owned_paste(client, owner, text="# secret\n", syntax="markdown", visibility="private")
        return key if "doc-secret" in client.get(f"/{key}", headers=BROWSER | owner.headers).text else None

    key = eventually(find, "a preview of a private text")
    assert "doc-secret" not in client.get(f"/{key}?view=preview", headers=BROWSER, follow_redirects=False).text
