"""Visits pages as a browser without JavaScript does, for tests of whatever is seen there."""

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
    """Open `page`, fill in its form and send it as a browser does."""
    token = csrf_token(client.get(page, headers=BROWSER))
    parts: dict[str, Any] = {name: (None, value) for name, value in {"csrf_token": token, **fields}.items()}
    return client.post(address, files=parts, headers=BROWSER | {"Sec-Fetch-Site": "same-origin"})


def words(page: httpx.Response) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", page.text))
