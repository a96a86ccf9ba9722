"""A link may not lead to this service itself: it could lead to itself, for ever."""

import httpx
import pytest

from tests.support.entries import create_link, manage_headers
from tests.support.pages import send_form, visible_text

PUBLIC_HOST = "slipbin.test"
SELF_LINKS = [
    f"http://{PUBLIC_HOST}",
    f"http://{PUBLIC_HOST}/m4rk3r",
    f"HTTPS://{PUBLIC_HOST.upper()}.:443/m4rk3r",
    f"https://m4rk3r@{PUBLIC_HOST}/",
    "http://%73lipbin.test/m4rk3r",
    rf"http://{PUBLIC_HOST}\@example.org/m4rk3r",
]


@pytest.mark.parametrize("url", SELF_LINKS)
def test_link_to_this_service_is_refused_when_made_and_when_changed(client: httpx.Client, url: str) -> None:
    link = create_link(client)

    created = client.post("/api/v1/links", json={"original_url": url})
    changed = client.patch(f"/api/v1/entries/{link['key']}", json={"original_url": url}, headers=manage_headers(link))

    for answer in (created, changed):
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["errors"] == [
            {
                "field": "original_url",
                "code": "url_of_this_service",
                "message": "A link can't lead back to this service.",
            }
        ]
        assert "m4rk3r" not in answer.text
    assert client.get(f"/{link['key']}").headers["location"] == link["original_url"]


@pytest.mark.parametrize("url", SELF_LINKS)
def test_form_with_a_link_to_this_service_comes_back_filled_in(client: httpx.Client, url: str) -> None:
    page = send_form(client, "/?kind=link", "/links", original_url=url)

    assert page.status_code == 422
    assert "A link can't lead back to this service." in visible_text(page)
    assert f'value="{url}"' in page.text


def test_link_to_another_port_of_this_host_is_made(client: httpx.Client) -> None:
    url = f"http://{PUBLIC_HOST}:8080/"

    assert client.get(f"/{create_link(client, original_url=url)['key']}").headers["location"] == url
