"""The field `views`: what it takes, and how forms show it."""

import httpx
import pytest

from tests.support.limited_views import SECRET_TEXT, limited_link
from tests.support.pages import CURL, created_key, send_form


@pytest.fixture
def client(client: httpx.Client) -> httpx.Client:
    client.headers.update(CURL)
    return client


def test_form_takes_a_limit(client: httpx.Client) -> None:
    key = created_key(send_form(client, "/", "/pastes", text=SECRET_TEXT, views="3"))

    assert client.get(f"/api/v1/entries/{key}").json()["views_left"] == 3


@pytest.mark.parametrize("views", [0, -1, 1_000_001, 10**30, 1.5, "1", True, None, [1]])
def test_limit_is_a_whole_number_up_to_a_million(client: httpx.Client, views: object) -> None:
    answer = client.post("/api/v1/links", json={"original_url": "https://example.org/", "views": views})

    if views is None:
        assert (answer.status_code, answer.json()["views_left"]) == (201, None)
        return
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["views"]


@pytest.mark.parametrize("views", ["0", "-1", "1000001", "9" * 400, "1.5", "many", "１"])
def test_form_with_a_wrong_limit_comes_back_filled_in(client: httpx.Client, views: str) -> None:
    page = send_form(client, "/", "/pastes", text="kept text", views=views)

    assert page.status_code == 422
    assert 'id="views-error"' in page.text
    assert "kept text" in page.text
    assert f'value="{views}"' in page.text


def test_limit_of_a_million_is_taken(client: httpx.Client) -> None:
    assert limited_link(client, views=1_000_000)["views_left"] == 1_000_000
