"""The pages of imports in a browser: a file is sent, and how far that is shows by itself where there are scripts."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import expect

from tests.browser.account_pages import sign_in
from tests.browser.visitor import NewVisitor, View, with_and_without_scripts
from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import new_alias
from tests.support.imports import run_imports
from tests.support.web import WebServer


@with_and_without_scripts
def test_import_is_followed_to_its_end(
    new_visitor: NewVisitor, site: WebServer, environment: Environment, view: View, has_scripts: bool
) -> None:
    visitor = new_visitor(view, has_scripts=has_scripts)
    page = visitor.page
    sign_in(visitor, new_user(site.client))
    visitor.open("/settings/import")
    rows = f"keyword,url\n{new_alias()},https://example.org/\nlogin,https://example.org/\n".encode()
    page.get_by_label("Where it comes from").select_option("yourls-csv")
    page.get_by_label("File", exact=True).set_input_files({"name": "links.csv", "mimeType": "text/csv", "buffer": rows})
    visitor.click("Send file")
    progress = page.locator("#import-progress")
    expect(progress).to_contain_text("Waiting")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()

    with ThreadPoolExecutor(1) as thread:
        # In a thread: Playwright's event loop counts as running in this one.
        thread.submit(asyncio.run, run_imports(environment)).result()
    if has_scripts:
        expect(progress).to_contain_text("Done")
        assert page.locator("#status").inner_text() == "The import is over."
        # In the reader's own time.
        expect(progress.locator("time")).not_to_contain_text("UTC")
    else:
        visitor.click("Refresh")

    expect(progress).to_contain_text("2 would be created")
    expect(page.get_by_role("region", name="Lines to look at")).to_contain_text("Its name is reserved here.")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("link", name="All lines")).to_be_visible()
