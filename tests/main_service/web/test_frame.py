"""The frame of all pages: the script of colours comes first and is small, and the pictures are those of the drawing."""

import json
import re
import struct
from html.parser import HTMLParser

import httpx
import pytest

from main_service.web.templating import STATIC
from tests.support.draw_icons import SIZES, digest, path_of
from tests.support.pages import BROWSER

MAX_THEME_BYTES = 1024


class _Head(HTMLParser):
    """The elements that load something, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "style"):
            self.loaded.append((tag, dict(attrs)))


def loaded_by(page: httpx.Response) -> list[tuple[str, dict[str, str | None]]]:
    head = _Head()
    head.feed(page.text)
    return head.loaded


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing-is-here", "/privacy", "/docs", "/redoc"])
def test_colours_are_chosen_before_anything_is_painted(client: httpx.Client, path: str) -> None:
    (tag, first), *others = loaded_by(client.get(path, headers=BROWSER))

    assert tag == "script"
    assert re.match(r"/static/theme\.js\?v=", first["src"] or "")
    # Neither "defer" nor "async" nor "module": it holds up the first paint.
    assert first.keys() == {"src"}
    assert all(tag != "style" and "style" not in attributes for tag, attributes in others)


def test_script_of_colours_is_small_and_sets_no_cookie() -> None:
    script = (STATIC / "theme.js").read_bytes()

    assert len(script) <= MAX_THEME_BYTES
    assert b"cookie" not in script


def test_switch_of_colours_is_on_each_page_and_needs_a_script_to_be_seen(client: httpx.Client) -> None:
    page = client.get("/privacy", headers=BROWSER)

    assert page.text.count('class="button ghost icon theme"') == 1
    assert "data-scripts" not in page.text
    assert ":root:not([data-scripts]) .theme" in client.get("/static/style/header.css").text


def test_pictures_of_the_icon_are_those_of_its_drawing() -> None:
    for size in SIZES:
        picture = path_of(size).read_bytes()
        assert struct.unpack(">II", picture[16:24]) == (size, size)
        assert digest().encode() in picture, "make icons"


def test_manifest_names_pictures_that_are_there(client: httpx.Client) -> None:
    links = [attributes for tag, attributes in loaded_by(client.get("/", headers=BROWSER)) if tag == "link"]
    address = next(link["href"] for link in links if link["rel"] == "manifest")
    answer = client.get(address or "")

    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = json.loads(answer.text)
    assert manifest["start_url"] == "/"
    for icon in manifest["icons"]:
        assert client.get(f"/static/{icon['src']}").headers["content-type"] == icon["type"]
    touch = next(link["href"] for link in links if link["rel"] == "apple-touch-icon")
    assert client.get(touch or "").headers["content-type"] == "image/png"
