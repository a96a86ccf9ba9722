"""What pages say about themselves to search engines and to chats that show a link: never what a text holds."""

import html
import re

import httpx
import pytest

from tests.support.accounts import new_user, sign_in_on_page
from tests.support.entries import create_paste, owned_paste
from tests.support.pages import BROWSER, send_form

SLACK = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"
TITLE = 'deploy" onload="x <b>.py'


def tags(page: httpx.Response) -> dict[str, str]:
    named = r'<meta (?:name|property)="(description|og:[a-z_]+)" content="([^"]*)">'
    found = re.findall(named, page.text)
    return {name: html.unescape(content) for name, content in found}


@pytest.mark.parametrize("visibility", ["public", "unlisted"])
def test_paste_is_described_by_title_language_and_size(client: httpx.Client, visibility: str) -> None:
    paste = create_paste(client, text="secret = 1\n" * 200, title=TITLE, syntax="python", visibility=visibility)

    page = client.get(f"/{paste['key']}", headers=BROWSER)

    described = tags(page)
    assert described["og:title"] == TITLE
    assert described["og:description"] == described["description"] == "Python · 2.1 KiB"
    assert described["og:url"] == paste["url"]
    assert not any("secret" in content for content in described.values())
    picture = client.get(described["og:image"].replace("http://slipbin.test", ""))
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")


def test_previewer_that_takes_anything_gets_the_page_that_describes_the_text(client: httpx.Client) -> None:
    paste = create_paste(client, title=TITLE)

    for headers, media_type in (
        ({"Accept": "*/*", "User-Agent": SLACK}, "text/html; charset=utf-8"),
        ({"Accept": "*/*", "User-Agent": "curl/8.14.1"}, "text/plain; charset=utf-8"),
    ):
        for method in ("GET", "HEAD"):
            answer = client.request(method, f"/{paste['key']}", headers=headers)
            assert answer.headers["content-type"] == media_type


def test_nothing_describes_what_is_private_or_limited(client: httpx.Client) -> None:
    owner = new_user(client)
    private = owned_paste(client, owner, title=TITLE, visibility="private")
    limited = create_paste(client, title=TITLE, views=2)["key"]
    sign_in_on_page(client, owner.email)

    pages = [client.get(f"/{key}", headers=BROWSER) for key in (private, limited)]
    pages.append(send_form(client, f"/{limited}", f"/{limited}/reveal"))

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert [tags(page) for page in pages] == [{}, {}, {}]


def test_home_page_describes_the_site(client: httpx.Client) -> None:
    assert tags(client.get("/", headers=BROWSER))["og:title"] == "Slipbin"
