"""Over plain http on a name, our own forms work, and those of another port or a sub-domain do not.

There browsers send no `Sec-Fetch-Site`, and they send the session cookie, because both are the same site.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, Response

from tests.browser.chromium import find_or_install, launch
from tests.support.accounts import PASSWORD, insert_account, new_email
from tests.support.web import WebServer

NAME = "slipbin.lan"
SUB_DOMAIN = f"evil.{NAME}"


@pytest.fixture(scope="module")
def named_browser(driver: Playwright) -> Iterator[Browser]:
    """A browser that finds our name and a sub-domain of it on this machine."""
    path = find_or_install(Path(driver.chromium.executable_path))
    running = launch(driver, path, names=(NAME, SUB_DOMAIN))
    yield running
    running.close()


@pytest.fixture
def page(named_browser: Browser) -> Iterator[Page]:
    context = named_browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def our_address(site: WebServer) -> str:
    return f"http://{NAME}:{urlsplit(site.address).port}"


@pytest.fixture(scope="module")
def foreign_port(our_address: str) -> Iterator[int]:
    """The port of a page that sends the form of our settings, with its own referrer policy from the query."""

    class ForeignPage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Referrer-Policy", urlsplit(self.path).query or "no-referrer")
            self.end_headers()
            form = f'<form method="post" action="{our_address}/settings/username">'
            field = '<input name="username" value="stolen"><button>Send</button></form>'
            self.wfile.write(f"<!doctype html><title>Foreign</title>{form}{field}".encode())

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is not its place."""

    with ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def press(page: Page, name: str) -> Response:
    with page.expect_navigation() as arrival:
        page.get_by_role("button", name=name, exact=True).click()
    response = arrival.value
    assert response is not None
    return response


def sign_in(page: Page, site: WebServer, our_address: str) -> Response:
    email = new_email()
    insert_account(site.client, email)
    page.goto(f"{our_address}/sign-in")
    page.get_by_label("Email or username").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    return press(page, "Sign in")


def test_our_own_forms_work_over_plain_http_on_a_name(page: Page, site: WebServer, our_address: str) -> None:
    response = sign_in(page, site, our_address)
    sent = response.request.redirected_from
    assert sent is not None
    headers = sent.all_headers()
    assert (headers.get("origin"), headers.get("sec-fetch-site")) == (our_address, None)
    assert (response.status, page.url) == (200, f"{our_address}/profile")

    page.goto(f"{our_address}/?kind=link")
    page.locator("#original_url").fill("https://example.org/")
    assert press(page, "Create link").status == 200


@pytest.mark.parametrize("policy", ["no-referrer", "unsafe-url"])
@pytest.mark.parametrize("name", [NAME, SUB_DOMAIN])
def test_form_of_another_port_or_a_sub_domain_is_refused(
    page: Page, site: WebServer, our_address: str, foreign_port: int, name: str, policy: str
) -> None:
    sign_in(page, site, our_address)
    page.goto(f"http://{name}:{foreign_port}/?{policy}")

    refused = press(page, "Send")

    headers = refused.request.all_headers()
    assert "slipbin_session" in headers["cookie"], "the browser would let it act for the user"
    assert "sec-fetch-site" not in headers
    assert refused.status == 403
    assert "another site" in page.locator("main").inner_text()
    with page.expect_navigation():
        page.locator("main").get_by_role("link", name="/settings/username").click()
    assert page.url == f"{our_address}/settings"
    assert page.locator("#username").input_value() == ""
