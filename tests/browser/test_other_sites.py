"""Scripts on the page of another site ask the API and the doors: the browser sends a preflight, and lets them read."""

import pytest
from playwright.sync_api import Browser, Page

from tests.support.accounts import create_api_token, new_user
from tests.support.web import WebServer

ASK = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options)
        const seen = ["x-manage-token", "location", "etag"].filter((name) => answer.headers.has(name))
        return [answer.status, seen, await answer.text()]
    } catch (error) {
        return [0, [], String(error)]
    }
}"""


@pytest.fixture
def foreign_page(browser: Browser, target: str) -> Page:
    context = browser.new_context()
    page = context.new_page()
    page.goto(target)
    return page


def test_browser_lets_another_site_read_and_with_a_token_write(site: WebServer, foreign_page: Page) -> None:
    def ask(path: str, **options: object) -> tuple[int, list[str], str]:
        status, seen, text = foreign_page.evaluate(ASK, [site.address + path, options])
        return status, seen, text

    token = create_api_token(site.client, new_user(site.client))
    bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    status, seen, _ = ask("/api/v1/pastes", method="POST", headers=bearer, body='{"text": "from another site"}')
    assert (status, seen) == (201, ["location", "etag"])
    status, seen, link = ask("/notes.txt", method="PUT", headers={"X-Api-Key": token, "Expires": "1h"}, body="a note")
    assert (status, seen) == (201, ["location", "etag"])
    key = link.strip().rpartition("/")[2]
    assert ask(f"/api/v1/entries/{key}/text")[::2] == (200, "a note")
    assert ask(f"/{key}", method="DELETE", headers={"X-Api-Key": token})[0] == 204
    # Refused before the application sees it, and not a broken network.
    assert ask(f"/api/v1/entries/{'a' * 40_000}")[0] == 431

    for path, options in (
        ("/", {"method": "POST", "body": "in the visitor's own name"}),
        (
            "/api/v1/pastes",
            {"method": "POST", "body": '{"text": "a"}', "headers": {"Content-Type": "application/json"}},
        ),
        ("/x", {"method": "PUT", "body": "a", "headers": {"X-Manage-Token": ""}}),
    ):
        status, _, problem = ask(path, **options)
        assert (status, '"foreign_origin"' in problem) == (403, True), path
    assert ask("/links", method="POST", headers={"X-Manage-Token": "any"}, body="url=https://example.org/")[0] == 0
    assert ask("/api/v1/pastes", method="POST", headers=bearer, body='{"text": "a"}', credentials="include")[0] == 0
