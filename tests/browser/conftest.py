"""A browser, a site whose addresses can be opened, a place that links lead to, and visitors.

Playwright's event loop counts as running from its start to its end, and meanwhile pytest-asyncio could not run a test
of another folder: so the browser ends with the last test of this one.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.chromium import find_or_install, launch
from tests.browser.visitor import PATIENCE_MS, WIDE, NewVisitor, View, Visitor
from tests.support.engines import Environment
from tests.support.web import WebServer

expect.set_options(timeout=PATIENCE_MS)


class _Target(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b'<!doctype html><link rel="icon" href="data:,"><title>Target</title><h1>Arrived</h1>')

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is not its place."""


@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    """Starts browsers; of these there can be one only."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(driver: Playwright) -> Iterator[Browser]:
    running = launch(driver, find_or_install(Path(driver.chromium.executable_path)))
    yield running
    running.close()


@pytest.fixture(scope="session")
def site(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment, shows_own_address=True) as server:
        yield server


@pytest.fixture(scope="session")
def target() -> Iterator[str]:
    """The address of a page elsewhere."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Target) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def new_visitor(browser: Browser, site: WebServer, target: str) -> Iterator[NewVisitor]:
    """Visitors with cookies of their own; whatever a page does wrong before them fails the test."""
    visitors: list[Visitor] = []

    def new(view: View = WIDE, *, has_scripts: bool = True) -> Visitor:
        visitor = Visitor(browser, view, site_address=site.address, other_origins=(target,), has_scripts=has_scripts)
        visitors.append(visitor)
        return visitor

    yield new
    for visitor in visitors:
        visitor.close()
    for visitor in visitors:
        visitor.guard.check()


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visitor:
    return new_visitor()
