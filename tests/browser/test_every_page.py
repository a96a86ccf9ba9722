"""Every page of ours in every view: axe-core finds nothing serious on it, and it never scrolls sideways."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.page_checks import content_width, serious_findings
from tests.browser.tour import LONGEST, USUAL, every_page
from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor
from tests.support.routes import reading_routes
from tests.support.web import WebServer

NO_PAGES = re.compile(
    r"/api/v1/.*|/health/.*|/metrics|/openapi\.json|/robots\.txt|/favicon\.ico|/\.well-known/.*|.*/file|.*/export\..*"
    r"|/documents/.*|/raw/.*|/yourls-api\.php|/rest/.*|/v4/.*|/clients/.*|/settings/import/.*/lines"
    r"|/\{key\}(/|/raw.*|/download|/manage/edit|/qr\..*|\.\{extension\})"
)
"""What programs read, files, and other addresses of a page that is looked at under its own."""
OF_FORMS = re.compile(
    r"/(links|pastes|sign-out|profile/delete|collections/add|collections/\{[^/]+/.*|reports/\{.*|reset)"
    r"|/\{key\}/(reveal|forget|manage/(claim|delete|expiry))"
    r"|/settings/(confirm|daily-report|sign-out-everywhere|username|tokens/.*|import/.*/stop)"
)
"""Where forms are sent to: they lead back to the page of the form."""
ELSEWHERE = {
    "/profile": "test_profile.py",
    "/collections": "test_collections.py",
    "/collections/{collection_id}": "test_collections.py",
    "/c/{shared_key}": "test_collections.py",
    "/reports": "test_reports.py",
    "/{key}/stats": "test_statistics.py",
    "/{key}/manage/stats": "test_statistics.py",
    # Swagger UI and ReDoc are others' work.
    "/docs": "test_documentation.py",
    "/redoc": "test_documentation.py",
}
"""Pages that are looked at in each state by the tests of what they are for."""


def pages_but_for(paths: set[str]) -> set[str]:
    """The pages of the table of routes that are at none of these paths, and not looked at elsewhere."""
    pages = {
        route.path
        for route in reading_routes()
        if not NO_PAGES.fullmatch(route.path) and not OF_FORMS.fullmatch(route.path)
    }
    assert pages >= ELSEWHERE.keys()
    # `/{key}` is like every other path of one part, and of `/{key}+` the beginning.
    by_path = sorted(pages, key=lambda page: (page.count("{"), -len(page)))
    patterns = {page: re.compile(re.sub(r"\\{[^/]+\\}", "[^/]+?", re.escape(page))) for page in by_path}
    seen = {next((page for page in by_path if patterns[page].fullmatch(path)), None) for path in paths}
    return pages - seen - ELSEWHERE.keys()


def test_what_is_looked_at_elsewhere_is() -> None:
    for page, name in ELSEWHERE.items():
        opened = page[page.rindex("/") :] if page.startswith("/{key}") else page.partition("{")[0].rstrip("/")
        assert opened in (Path(__file__).parent / name).read_text(), page


@pytest.mark.parametrize(
    ("view", "has_scripts"),
    [
        (WIDE, True),
        (View(320, 740, "light", theme="dark"), True),
        (PHONE, False),
    ],
    ids=["wide", "phone-chosen-dark", "phone-no-scripts"],
)
def test_nothing_serious_is_found_on_any_page(
    new_visitor: NewVisitor, view: View, has_scripts: bool, site: WebServer
) -> None:
    visitor = new_visitor(view)
    if not has_scripts:
        visitor.leave_out_scripts()
    findings: dict[str, list[str]] = {}
    paths = set()

    for name in every_page(visitor, site.client, USUAL):
        paths.add(urlsplit(visitor.page.url).path)
        if found := serious_findings(visitor.page):
            findings[name] = found
        assert content_width(visitor.page) == view.width, name

    assert findings == {}
    assert pages_but_for(paths) == set()


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_longest_contents_scroll_no_page_sideways(new_visitor: NewVisitor, view: View, site: WebServer) -> None:
    visitor = new_visitor(view)

    widths = {name: content_width(visitor.page) for name in every_page(visitor, site.client, LONGEST)}

    assert {name: width for name, width in widths.items() if width != view.width} == {}


def test_words_of_the_header_are_not_broken_on_a_tablet(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(View(700, 960, "light"))
    visitor.open("/")

    buttons = visitor.page.locator(".top-links .button, .top > .button").all()
    heights = [round(box["height"]) for button in buttons if (box := button.bounding_box())]

    # With two lines, one would be higher than that of an icon.
    assert len(heights) == 4
    assert len(set(heights)) == 1


@pytest.mark.parametrize("address", ["/", "/?kind=link"])
def test_button_of_a_form_is_seen_without_scrolling(visitor: Visitor, address: str) -> None:
    visitor.open(address)

    button = visitor.page.locator("form.editor button[type=submit]").bounding_box()

    assert button is not None
    assert button["y"] + button["height"] < visitor.view.height
