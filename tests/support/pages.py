"""Opens pages and sends their forms, as a browser without JavaScript does."""

import html
import re
from typing import Any

import httpx

BROWSER = {"Accept": "text/html"}
OUR_SCRIPT = r'<script (?:type="module" )?src="/static/[^"]+"(?: id="[a-z-]+")?>'
"""A pattern. A page has no script but such ones."""
CURL = {"User-Agent": "curl/8.14.1"}
"""A program that spends limited views without being asked."""


FOREIGN = ({"Origin": "http://foreign.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"})
"""What browsers say when another site's page sends a form; the second, when that page hides its URL."""


def send_form(client: httpx.Client, page: str, address: str, **fields: str) -> httpx.Response:
    """Open `page`, fill in its form and send it to `address` as multipart/form-data."""
    assert 'method="post"' in client.get(page, headers=BROWSER).text
    # Without any field it would be no multipart.
    parts: dict[str, Any] = {name: (None, value) for name, value in (fields or {"other": ""}).items()}
    return client.post(address, files=parts, headers=BROWSER | {"Sec-Fetch-Site": "same-origin"})


def send_urlencoded_form(client: httpx.Client, page: str, address: str, **fields: str) -> httpx.Response:
    """Open `page`, fill in its form and send it to `address` as application/x-www-form-urlencoded."""
    assert 'method="post"' in client.get(page, headers=BROWSER).text
    return client.post(address, data=fields or {"other": ""}, headers=BROWSER)


def led_on(client: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """The page that the answer to a form leads to, as a browser opens it."""
    assert answer.status_code == 303, answer.text
    page = client.get(answer.headers["location"], headers=BROWSER)
    assert page.status_code == 200, page.text
    return page


def send_and_follow(client: httpx.Client, page: str, address: str, **fields: str) -> httpx.Response:
    """Send a form of `page` as `send_urlencoded_form` does, and open the page that it leads to."""
    return led_on(client, send_urlencoded_form(client, page, address, **fields))


def reveal(client: httpx.Client, key: str) -> httpx.Response:
    """Spend a view of an entry whose views are limited, as the button on its page does."""
    # Without any field it would be no form.
    return client.post(f"/{key}/reveal", data={"other": ""}, headers=BROWSER)


def created_key(answer: httpx.Response) -> str:
    """The key of the entry that a form has made, to whose page the answer leads."""
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/([A-Za-z0-9_-]+)\+?#created", answer.headers["location"])
    assert found, answer.headers["location"]
    return found[1]


def visible_text(page: httpx.Response) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", page.text))


def words(page: httpx.Response) -> str:
    """The visible text with one blank between words."""
    return " ".join(visible_text(page).split())
