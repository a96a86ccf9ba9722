"""Markdown becomes what its author meant, and nothing that a page must not have."""

import re

import pytest

from main_service.rendering.markdown import render


def html(text: str) -> str:
    return render(text, {}).html


def test_headings_have_ids_that_links_lead_to_and_no_id_of_the_page_is_taken() -> None:
    shown = html("# Main\n\n## Main\n\n## main-1\n\n# ¿Größe & Co?\n\n[up](#main) [there](#größe--co)\n")

    assert re.findall(r'<h\d id="([^"]+)"', shown) == ["doc-main", "doc-main-1", "doc-main-1-1", "doc-größe--co"]
    assert '<a href="#doc-main"' in shown
    assert '<a href="#doc-gr%C3%B6%C3%9Fe--co"' in shown
    assert '<h2 id="doc-main" dir="auto">Main <a class="anchor" href="#doc-main" aria-label="Link to “Main”"' in shown
    # The heading of the page is the only one of the first level.
    assert "<h1" not in shown


def test_headings_of_one_name_have_ids_of_their_own() -> None:
    assert len(set(re.findall(r'id="([^"]*)"', html("# a\n" * 1000 + "# a-7\n")))) == 1001


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("![a *small* cat](https://example.org/cat.png)", ("https://example.org/cat.png", "a small cat")),
        ("![](https://example.org/cat.png)", ("https://example.org/cat.png", "image")),
        ("![a][cat]\n\n[cat]: https://example.org/cat.png 'the cat'", ("https://example.org/cat.png", "a")),
        ("[![badge](https://example.org/b.svg)](https://example.org/ci)", ("https://example.org/ci", "badge")),
    ],
)
def test_an_image_is_a_link_and_never_loaded(text: str, link: tuple[str, str]) -> None:
    shown = html(text)

    assert "<img" not in shown
    assert re.findall(r'<a [^>]*href="([^"]*)"[^>]*>([^<]*)</a>', shown) == [link]


def test_links_say_that_they_are_of_a_stranger() -> None:
    shown = html("[a](https://example.org) <https://example.org> https://example.org www.example.org me@example.org")

    links = re.findall(r"<a [^>]*>", shown)
    assert len(links) == 5
    assert all('rel="nofollow noopener ugc"' in link for link in links)
    assert 'href="mailto:me@example.org"' in shown


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java&#10;script:alert(1)", "javascript&colon;alert(1)",
        "vbscript:x", "data:text/html,x", "data:image/png;base64,AAAA", "file:///etc/passwd", "ftp://example.org",
        "xmpp:a@example.org", "//example.org", "/sign-in", "../x", "?lang=c", "", "\\\\example.org",
    ],
)  # fmt: skip
def test_a_link_leads_to_no_other_scheme_and_to_no_page_of_ours(target: str) -> None:
    shown = html(f"[a](<{target}>) ![b](<{target}>) [c][d]\n\n[d]: <{target}>\n")

    assert "href" not in shown


def test_html_stays_text() -> None:
    assert html("a <b onclick=x>b</b>\n\n<script>alert(1)</script>\n") == (
        '<div class="markdown"><p dir="auto">a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n'
        '<p dir="auto">&lt;script&gt;alert(1)&lt;/script&gt;</p>\n</div>'
    )


def test_code_has_the_colours_of_its_language() -> None:
    shown = html("```python\nif x:\n    y = '<b>'\n```\n\n```nothing\n<i>\n```\n")

    assert '<b class="k">if </b>x:\n    y = <b class="s">\'&lt;b&gt;\'</b>\n</code></pre>' in shown
    assert "<code>&lt;i&gt;\n</code></pre>" in shown


def test_tables_scroll_within_themselves_and_align_by_class() -> None:
    shown = html("|a|b|c|\n|:--|:-:|--:|\n|1|2|3|\n")

    assert '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>' in shown
    assert [name in shown for name in ('<td class="left"', '<td class="center"', '<td class="right"')] == [True] * 3
    assert "style" not in shown


def test_tasks_are_boxes_that_are_no_form_controls() -> None:
    shown = html("- [x] one\n- [ ] two\n")

    assert re.findall(r'aria-label="([^"]*)"></span> (\w+)', shown) == [("Done", "one"), ("To do", "two")]
    assert "<input" not in shown


def test_footnotes_lead_there_and_back() -> None:
    shown = html("a[^n] b[^n]\n\n[^n]: note\n")

    ids = set(re.findall(r'id="([^"]+)"', shown))
    assert ids == {"doc-fn.1", "doc-fnref.1", "doc-fnref.1:1"}
    assert set(re.findall(r'href="#([^"]+)"', shown)) == ids
    assert '<section class="footnotes" aria-label="Footnotes">' in shown


def test_front_matter_is_a_table_or_else_code() -> None:
    table = html("---\ntitle: A <b>\ntags:\n  - a\n---\n# x\n")
    code = html("---\n- a\n- b\n---\n# x\n")

    assert '<th scope="row" dir="auto">title</th><td dir="auto">A &lt;b&gt;</td>' in table
    assert '<td dir="auto">- a</td>' in table
    assert "<hr" not in table + code
    assert re.search(r"<pre [^>]*><code>.*- .*a\n", code)
