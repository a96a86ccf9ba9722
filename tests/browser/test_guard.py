"""The guard that all browser tests rely on notices what it is there for."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import WIDE, Visitor
from tests.support.web import WebServer

NOTICE_SECONDS = 60.0


@pytest.fixture
def watched(browser: Browser, site: WebServer, target: str) -> Iterator[Visitor]:
    """A visitor who may do wrong."""
    visitor = Visitor(browser, WIDE, site_address=site.address, other_origins=(target,), has_scripts=True)
    yield visitor
    visitor.close()


def notices(visitor: Visitor, words: str) -> bool:
    deadline = time.monotonic() + NOTICE_SECONDS
    while time.monotonic() < deadline:
        # Events arrive while the browser is asked something.
        visitor.page.evaluate("0")
        if any(words in trouble for trouble in visitor.guard.troubles):
            return True
    return False


def test_inline_script_does_not_run_and_is_noticed(watched: Visitor) -> None:
    watched.open("/")
    watched.guard.check()

    watched.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        }"""
    )

    assert notices(watched, "CSP report: script-src-elem blocked inline")
    assert watched.page.evaluate("window.ran") is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("document.body.innerHTML = '<img src=/static/favicon.svg onload=ran()>'", "CSP report: script-src-attr"),
        ("document.body.innerHTML = '<p style=\"color: red\">'", "CSP report: style-src-attr"),
        ("new Image().src = 'http://elsewhere.test/'", "CSP report: img-src"),
        ("setTimeout(() => alert(1))", "dialog: alert 1"),
        ("setTimeout(() => { throw new Error('thrown') })", "uncaught error: thrown"),
        ("console.error('said')", "console error: said"),
        ("void fetch('/static/nothing')", "failed request: 404"),
    ],
)
def test_page_that_does_wrong_is_noticed(watched: Visitor, wrong: str, words: str) -> None:
    watched.open("/")

    watched.page.evaluate(f"() => {{ {wrong} }}")

    assert notices(watched, words), watched.guard.troubles


def test_request_to_elsewhere_is_noticed_and_goes_nowhere(watched: Visitor, target: str) -> None:
    watched.open(target)

    watched.page.evaluate("() => { fetch('http://elsewhere.test/').catch(() => {}); }")

    assert notices(watched, "request to elsewhere: GET http://elsewhere.test/")
    assert notices(watched, "net::ERR_NAME_NOT_RESOLVED")


def test_refusal_that_no_test_expected_is_noticed(watched: Visitor) -> None:
    watched.page.goto(f"{watched.site_address}/nothing-is-here")

    assert notices(watched, "pages were refused with [404], expected was []")
