"""What is pasted into a form reaches the server whole, which says what is too long."""

import html
import re

import httpx
import pytest

from tests.support.engines import REPOSITORY
from tests.support.pages import BROWSER, send_form, visible_text


def test_no_field_cuts_what_is_pasted_into_it() -> None:
    """A browser cuts what is longer than `maxlength` in silence."""
    templates = list((REPOSITORY / "templates").rglob("*.html"))
    assert len(templates) > 30

    assert [str(each) for each in templates if re.search("maxlength", each.read_text(), re.IGNORECASE)] == []


@pytest.mark.parametrize(
    ("page", "form", "field", "fields"),
    [
        ("/", "/pastes", "title", {"text": "a", "title": "t" * 201}),
        ("/", "/pastes", "alias", {"text": "a", "alias": "a" * 65}),
        ("/?kind=link", "/links", "title", {"original_url": "https://example.org/", "title": "t" * 201}),
        ("/?kind=link", "/links", "original_url", {"original_url": "https://example.org/" + "a" * 8_192}),
        ("/register", "/register", "email", {"email": "a" * 255 + "@example.org", "password": "Wonderful-1"}),
        ("/register", "/register", "password", {"email": "a@example.org", "password": "Wonderful-1" * 12}),
        ("/sign-in", "/sign-in", "name", {"name": "a" * 255, "password": "Wonderful-1"}),
        ("/sign-in", "/sign-in", "password", {"name": "ada", "password": "Wonderful-1" * 12}),
        ("/forgot", "/forgot", "email", {"email": "a" * 255 + "@example.org"}),
    ],
)
def test_page_says_what_is_too_long_and_keeps_it(
    client: httpx.Client, page: str, form: str, field: str, fields: dict[str, str]
) -> None:
    answer = send_form(client, page, form, **fields)

    assert answer.status_code == 422, visible_text(answer)
    assert f'id="{field}-error"' in answer.text
    assert field == "password" or fields[field] in html.unescape(answer.text)


def test_address_field_takes_an_address_without_scheme(client: httpx.Client) -> None:
    """A field of type url would refuse it in the browser."""
    page = client.get("/?kind=link", headers=BROWSER)

    assert 'type="url"' not in page.text
