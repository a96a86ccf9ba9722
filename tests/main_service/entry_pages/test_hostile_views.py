"""No text, title or target brings an element or attribute into a page that its view does not make itself."""

import httpx
import pytest

from tests.support.entries import create_link, create_paste
from tests.support.hostile_markup import HARMLESS, HOSTILE, PAYLOADS, Element, PageElements, titles
from tests.support.pages import BROWSER
from tests.support.previews import page_with_preview
from tests.support.web import WebServer

_TEXT = {"p", "em", "strong", "s", "code", "hr", "br", "ul", "tbody", "thead", "tr", "bdi"}
_ALLOWED: dict[str, set[str]] = {
    **{tag: {"class", "dir"} for tag in _TEXT},
    "a": {"href", "rel", "class", "title", "aria-label", "id", "aria-current"},
    "b": {"class"},
    "blockquote": {"dir"},
    "details": {"class", "open"},
    "div": {"class", "role", "tabindex", "aria-label", "id"},
    **{f"h{level}": {"id", "dir"} for level in range(2, 7)},
    "i": {"class"},
    "li": {"class", "dir", "id"},
    "ol": {"start", "role"},
    "pre": {"class", "dir", "tabindex", "id", "hidden"},
    "section": {"class", "id", "aria-label"},
    "span": {"class", "role", "aria-label", "data-before", "data-after"},
    "summary": set(),
    "sup": {"class"},
    "table": {"class"},
    "td": {"class", "dir"},
    "th": {"class", "dir", "scope"},
}
"""What views make, and the attributes that each may have."""


@pytest.fixture(scope="module")
def harmless(web: WebServer) -> dict[str | None, set[Element]]:
    """What is on the pages, preview and code, of texts in which there is nothing."""
    return {
        syntax: {
            element
            for query in ("?view=preview", "?view=code")
            for element in page(web.client, query, text=text, syntax=syntax, title="x").elements
        }
        for syntax, text in HARMLESS.items()
    }


def page(client: httpx.Client, query: str, **fields: str | None) -> PageElements:
    return PageElements(page_with_preview(client, create_paste(client, **fields)["key"], query))


@pytest.mark.parametrize(("syntax", "text"), HOSTILE)
def test_no_text_brings_its_own_markup_into_a_view(
    web: WebServer, harmless: dict[str | None, set[Element]], syntax: str | None, text: str
) -> None:
    for query in ("?view=preview", "?view=code"):
        found = page(web.client, query, text=text, syntax=syntax, title="x")

        assert found.troubles == []
        foreign = {
            (tag, attributes)
            for tag, attributes in set(found.elements) - harmless[syntax]
            if not attributes <= _ALLOWED.get(tag, {"nothing"}) or tag not in _ALLOWED
        }
        assert foreign == set()
        assert found.elements.count(("script", frozenset({"type", "src"}))) <= 12


def test_no_title_or_target_brings_markup_into_a_page(web: WebServer) -> None:
    client = web.client
    plain = page(client, "", title="x", syntax="markdown")
    for title in titles():
        found = page(client, "", title=title, syntax="markdown")
        assert found.troubles == []
        assert found.elements == plain.elements


def test_no_target_brings_markup_into_the_page_that_says_where_a_link_leads(web: WebServer) -> None:
    client = web.client
    queries = ["".join(each for each in payload if each.isprintable() and each != " ") for payload in PAYLOADS]
    # Of a target beyond ASCII, the page says how it is sent.
    plain = [
        PageElements(client.get(f"/{create_link(client, original_url=url)['key']}+", headers=BROWSER).text).elements
        for url in ("https://example.org/?x", "https://example.org/?ü")
    ]
    for start in range(0, len(queries), 20):
        link = create_link(client, original_url=f"https://example.org/?{'&'.join(queries[start : start + 20])}")
        found = PageElements(client.get(f"/{link['key']}+", headers=BROWSER).text)

        assert found.troubles == []
        assert found.elements in plain
        assert "script" not in client.get(f"/{link['key']}/qr.svg").text
