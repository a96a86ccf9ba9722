"""What a browser keeps of the entries that it made without an account: read, and set as an attacker might."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page

from tests.browser.visitor import Visitor
from tests.support.accounts import PASSWORD, insert_account, new_email
from tests.support.web import WebServer

RECENT = "slipbin.recent"
LEAVING = "slipbin.recent-leaving"
MOST = 20
STARTED = datetime.now(UTC)

Row = dict[str, Any]


def make(visitor: Visitor, kind: str = "paste", **fields: str) -> str:
    """Make an entry with the visitor's cookies, and open its page as they would see it; returns its key."""
    content = {"text": "a text"} if kind == "paste" else {"original_url": "https://example.org/"}
    answer = visitor.context.request.post(f"{visitor.site_address}/{kind}s", form=content | fields)
    path = urlsplit(answer.url).path
    key = path.strip("/+")
    assert path == f"/{key}{'+' if kind == 'link' else ''}", answer.url
    visitor.open(path)
    wait_until_listed(visitor.page, key)
    return key


def wait_until_listed(page: Page, key: str, *, is_listed: bool = True) -> None:
    page.wait_for_function(
        """([name, key, isListed]) => {
          const rows = JSON.parse(localStorage.getItem(name) ?? "[]");
          return rows.some((row) => row.key === key) === isListed;
        }""",
        arg=[RECENT, key, is_listed],
    )


def wait_until_unlisted(page: Page, key: str) -> None:
    wait_until_listed(page, key, is_listed=False)


def a_row(key: str, *, title: str | None = None, kind: str = "paste", hours_ago: float = 1, ends_in: float = 24) -> Row:
    """A row as it is stored. `ends_in`: hours. Rows of one hour have the very same time and keep their order."""
    row: Row = {"key": key, "kind": kind, "created": (STARTED - timedelta(hours=hours_ago)).isoformat()}
    row["ends"] = (STARTED + timedelta(hours=ends_in)).isoformat()
    return row | ({"title": title} if title else {})


def stored(page: Page, name: str = RECENT) -> list[Row]:
    rows: list[Row] = page.evaluate("name => JSON.parse(localStorage.getItem(name) ?? '[]')", name)
    return rows


def store(page: Page, rows: list[Row]) -> None:
    page.evaluate("([name, rows]) => localStorage.setItem(name, JSON.stringify(rows))", [RECENT, rows])


def shown_rows(page: Page) -> Locator:
    return page.locator("#recent > .recent-rows > .recent-row")


def sign_in(visitor: Visitor, site: WebServer) -> None:
    """Sign in as a new user, by a request alone: what the page has stored in the browser stays as it is."""
    email = new_email()
    insert_account(site.client, email)
    form = {"name": email, "password": PASSWORD}
    assert visitor.context.request.post(f"{site.address}/sign-in", form=form, max_redirects=0).status == 303
