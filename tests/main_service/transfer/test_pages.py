"""The page of imports, without JavaScript: a file is sent, looked at, and stopped."""

from uuid import uuid4

import httpx
import pytest

from tests.support.accounts import new_user, register_on_page
from tests.support.engines import Environment
from tests.support.imports import run_imports
from tests.support.pages import BROWSER, led_on

ADDRESS = "/settings/import"


@pytest.fixture
def page_visitor(import_client: httpx.Client) -> httpx.Client:
    register_on_page(import_client)
    return import_client


def send(page_visitor: httpx.Client, content: bytes, **fields: str) -> httpx.Response:
    return page_visitor.post(ADDRESS, data=fields, files={"file": ("<b>links.csv", content)}, headers=BROWSER)


async def test_file_is_sent_looked_at_and_shown(import_environment: Environment, page_visitor: httpx.Client) -> None:
    mark = uuid4().hex[:8]
    content = (
        f"keyword,url,clicks\nok{mark},https://example.org/,1234\nlogin,https://example.org/2,0\n"
        "<i>,javascript:alert(1),0\n"
    ).encode()
    assert "Only show what would happen" in page_visitor.get(ADDRESS, headers=BROWSER).text

    sent = send(page_visitor, content, format="yourls-csv")
    await run_imports(import_environment)

    assert sent.status_code == 303
    page = page_visitor.get(sent.headers["location"], headers=BROWSER).text
    assert "2 created" in page
    assert "1 failed" in page
    assert page.index("line 4") < page.index("line 3"), "what has failed comes first"
    assert "Its name is reserved here." in page
    assert "&lt;b&gt;links.csv" in page
    assert "<b>links" not in page
    assert page_visitor.get(f"/ok{mark}").headers["location"] == "https://example.org/"
    assert len(page_visitor.get(f"{sent.headers['location']}/lines", headers=BROWSER).text.splitlines()) == 3
    assert "links.csv" in page_visitor.get(ADDRESS, headers=BROWSER).text
    assert "1,234 earlier views" in page_visitor.get("/profile", headers=BROWSER).text


def test_import_that_waits_can_be_stopped(page_visitor: httpx.Client) -> None:
    location = send(page_visitor, b"keyword,url\n", format="yourls-csv", dry_run="yes").headers["location"]

    stopped = page_visitor.post(f"{location}/stop", data={"other": ""}, headers=BROWSER)
    again = page_visitor.post(f"{location}/stop", data={"other": ""}, headers=BROWSER)

    assert stopped.headers["location"] == f"{location}?done=stopped"
    assert "What was created so far stays" in led_on(page_visitor, stopped).text
    assert (again.status_code, "This import is already over." in again.text) == (409, True)


def test_form_without_a_file_says_so_and_is_shown_again(page_visitor: httpx.Client) -> None:
    answer = send(page_visitor, b"", format="yourls-csv")

    assert (answer.status_code, "Choose a file that isn" in answer.text) == (422, True)
    assert '<form class="panel stack"' in answer.text


def test_file_may_be_as_large_as_the_setting_says_and_no_larger(
    import_environment: Environment, page_visitor: httpx.Client
) -> None:
    most = int(import_environment["MAIN_MAX_IMPORT_BYTES"])
    content = b"keyword,url\n" + b"\n" * (most - 12)
    assert "At most 4.0 MiB and 100,000 items" in page_visitor.get(ADDRESS, headers=BROWSER).text

    fits = send(page_visitor, content, format="yourls-csv")
    too_large = send(page_visitor, content + b"\n", format="yourls-csv")
    far_too_large = send(page_visitor, content * 2, format="yourls-csv")

    assert fits.status_code == 303
    assert "4.0 MiB" in page_visitor.get(fits.headers["location"], headers=BROWSER).text
    for answer in (too_large, far_too_large):
        assert (answer.status_code, "The file is too large: the limit is 4 MiB." in answer.text) == (413, True)
        assert '<form class="panel stack"' in answer.text
    user, files = new_user(page_visitor), {"file": ("links.csv", content + b"\n")}
    refused = page_visitor.post("/api/v1/imports", data={"format": "yourls-csv"}, files=files, headers=user.headers)
    assert (refused.status_code, refused.json()["code"]) == (413, "file_too_large")
    page_visitor.post(f"{fits.headers['location']}/stop", data={"other": ""}, headers=BROWSER)


def test_others_see_none_of_it(page_visitor: httpx.Client, import_web: object) -> None:
    location = send(page_visitor, b"keyword,url\n", format="yourls-csv").headers["location"]
    page_visitor.cookies.clear()
    register_on_page(page_visitor)

    assert page_visitor.get(location, headers=BROWSER).status_code == 404
    assert page_visitor.get(f"{location}/lines", headers=BROWSER).status_code == 404
    assert page_visitor.post(f"{location}/stop", data={"other": ""}, headers=BROWSER).status_code == 404
