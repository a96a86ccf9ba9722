"""Opens pages and sends their forms, as a browser without JavaScript does."""

import html
import re
from typing import Any

import httpx

BROWSER = {"Accept": "text/html"}
CURL = {"User-Agent": "curl/8.14.1"}
"""A program that spends limited views without being asked."""


def csrf_token(page: httpx.Response) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert match, page.text
    return match[1]


def send_form(client: httpx.Client, page: str, address: str, **fields: str) -> httpx.Response:
    """Open `page`, fill in its form and send it to `address` as multipart/form-data."""
    token = csrf_token(client.get(page, headers=BROWSER))
    parts: dict[str, Any] = {name: (None, value) for name, value in {"csrf_token": token, **fields}.items()}
    return client.post(address, files=parts, headers=BROWSER | {"Sec-Fetch-Site": "same-origin"})


def send_urlencoded_form(client: httpx.Client, page: str, address: str, **fields: str) -> httpx.Response:
    """Open `page`, fill in its form and send it to `address` as application/x-www-form-urlencoded."""
    token = csrf_token(client.get(page, headers=BROWSER))
    return client.post(address, data={"csrf_token": token, **fields}, headers=BROWSER)


def visible_text(page: httpx.Response) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", page.text))
