"""Errors as a person at a terminal reads them: one line for curl and its like, and JSON for whatever reads JSON."""

import httpx
import pytest

from tests.support.entries import create_paste, manage_headers
from tests.support.pages import BROWSER, CURL

TOO_LARGE = b"x" * (10 * 1024 * 1024 + 1)


def line(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the line that is the whole answer."""
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.endswith("\n")
    assert answer.text.count("\n") == 1
    return answer.status_code, answer.text.removesuffix("\n")


def test_curl_is_told_in_a_line_what_is_wrong(client: httpx.Client) -> None:
    paste = create_paste(client)
    client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste))

    assert line(client.get("/no-such-key", headers=CURL)) == (
        404,
        "Error 404: There is nothing here. Check the link – capital letters matter.",
    )
    ended = client.get(f"/{paste['key']}/raw", headers=CURL)
    assert line(ended)[0] == 410
    assert line(ended)[1].startswith("Error 410: This was deleted by its owner. It won't come back.")
    assert line(client.put("/x", content=b"", headers=CURL)) == (422, "Error 422: There is no text in this request.")
    assert line(client.put("/x", content=TOO_LARGE, headers=CURL)) == (
        413,
        "Error 413: The text is too large: the limit is 10 MiB of UTF-8."
        " Split the text into parts, or share it as a file elsewhere.",
    )


def test_line_names_options_as_they_are_typed(client: httpx.Client) -> None:
    sent = {"expires": "tomorrow", "views": "0"}
    answer = client.put("/x", content=b"a", params=sent, headers=CURL)

    assert line(answer)[1].startswith("Error 422: expires: ")
    assert " views: " in answer.text
    assert "expires_in" not in answer.text
    day = client.put("/x", content=b"a", params={"expires": "2030-01-31"}, headers=CURL)
    assert "such as 2030-01-31T12:00:00Z" in line(day)[1]
    shortened = client.post("/", data={"url": "https://"}, headers=CURL)
    assert line(shortened)[1].startswith("Error 422: url: ")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/no-such-key", {}),
        ("/no-such-key", {"User-Agent": "python-requests/2.32"}),
        ("/no-such-key", CURL | {"Accept": "application/json"}),
        ("/no-such-key", CURL | {"Accept": "application/problem+json, */*;q=0.1"}),
        ("/api/v1/entries/no-such-key", CURL),
        ("/documents/no-such-key", CURL),
    ],
)
def test_whatever_reads_json_gets_a_problem_that_ends_its_line(
    client: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    answer = client.get(path, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"
    assert answer.content.endswith(b"}\n")


def test_curl_that_asks_for_a_page_gets_one(client: httpx.Client) -> None:
    answer = client.get("/no-such-key", headers=CURL | BROWSER)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
