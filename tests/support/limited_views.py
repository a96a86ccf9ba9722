"""Makes entries with a limit of views, whose text, URL and title are secrets until a view is spent."""

from typing import Any

import httpx

from tests.support.entries import create_link, create_paste

SECRET_TEXT = "the launch code is 0000"
SECRET_TARGET = "https://example.org/secret-target"
SECRET_TITLE = "Launch codes"


def limited_paste(client: httpx.Client, *, views: int, **fields: Any) -> dict[str, Any]:
    return create_paste(client, text=SECRET_TEXT, title=SECRET_TITLE, views=views, **fields)


def limited_link(client: httpx.Client, *, views: int, **fields: Any) -> dict[str, Any]:
    return create_link(client, original_url=SECRET_TARGET, title=SECRET_TITLE, views=views, **fields)


def views_left(client: httpx.Client, entry: dict[str, Any]) -> int:
    left: int = client.get(f"/api/v1/entries/{entry['key']}").json()["views_left"]
    return left


def assert_is_viewed(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["code"], response.json()["reason"]) == (410, "ended", "viewed")
