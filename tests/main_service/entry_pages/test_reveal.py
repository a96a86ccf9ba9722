"""The page that asks before it spends a limited view."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.entries import create_link, create_paste
from tests.support.limited_views import (
    SECRET_TARGET,
    SECRET_TEXT,
    assert_is_viewed,
    limited_link,
    limited_paste,
    views_left,
)
from tests.support.pages import BROWSER, CURL, FOREIGN


@pytest.fixture
def client(client: httpx.Client) -> httpx.Client:
    client.headers.update(CURL | {"Accept": "application/json"})
    return client


def reveal(client: httpx.Client, key: str) -> httpx.Response:
    """What the button on the page that asks does."""
    assert f'action="/{key}/reveal"' in client.get(f"/{key}", headers=BROWSER).text
    return client.post(f"/{key}/reveal", data={"other": ""}, headers=BROWSER)


def test_page_asks_first_and_reveals_the_text_by_post(client: httpx.Client) -> None:
    paste = limited_paste(client, views=2)
    assert "can be viewed 2 more times" in client.get(f"/{paste['key']}", headers=BROWSER).text

    first = reveal(client, paste["key"])
    assert first.status_code == 200
    assert SECRET_TEXT in first.text
    assert "1 view left" in first.text
    assert f"/{paste['key']}/raw" not in first.text, "raw would spend the view that is left"
    assert "can be viewed once" in client.get(f"/{paste['key']}", headers=BROWSER).text

    last = reveal(client, paste["key"])
    assert SECRET_TEXT in last.text
    assert "This was the last view" in last.text
    gone = client.get(f"/{paste['key']}", headers=BROWSER)
    assert (gone.status_code, "set to disappear after being viewed" in gone.text) == (410, True)


def test_page_leads_to_the_target_of_a_link_by_post(client: httpx.Client) -> None:
    link = limited_link(client, views=1)

    asked = client.get(f"/{link['key']}", headers=BROWSER)
    # Browsers apply form-action to where the answer leads, too.
    assert "form-action 'self' http: https:" in asked.headers["content-security-policy"]
    answer = reveal(client, link["key"])

    assert (answer.status_code, answer.headers["location"]) == (303, SECRET_TARGET)
    assert_is_viewed(client.get(f"/{link['key']}"))


def test_reveal_needs_a_form_of_ours(client: httpx.Client) -> None:
    paste = limited_paste(client, views=1)
    for foreign in FOREIGN:
        answer = client.post(f"/{paste['key']}/reveal", data={"other": "field"}, headers=BROWSER | foreign)
        assert answer.status_code == 403
        assert SECRET_TEXT not in answer.text

    assert views_left(client, paste) == 1


@pytest.mark.parametrize("make", [create_link, create_paste])
def test_reveal_of_what_has_no_limit_leads_to_it(client: httpx.Client, make: Callable[..., dict[str, Any]]) -> None:
    key = make(client)["key"]

    answer = client.post(f"/{key}/reveal", data={"x": "y"}, headers=BROWSER)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/{key}")
