"""The language of a paste whose author names none: found later, stored, and looked for again when it must be."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, insert_paste, list_entries, manage_headers
from tests.support.metrics import METRICS_TOKEN, read_metrics
from tests.support.pages import BROWSER, send_form
from tests.support.waiting import eventually
from tests.support.web import WebServer

PYTHON = """import sys


def main() -> int:
    for number, argument in enumerate(sys.argv[1:]):
        print(number, argument)
    return 0


if __name__ == "__main__":
    sys.exit(main())
"""
JSON = '{"name": "value", "list": [1, 2, 3]}\n'
WORDS = "Nothing but a few plain words of no language that a machine would know.\n"


@pytest.fixture(scope="module")
def detecting_web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment | {"MAIN_DETECT_LANGUAGES": "true", "MAIN_METRICS_TOKEN": METRICS_TOKEN}) as server:
        yield server


@pytest.fixture
def detecting(detecting_web: WebServer) -> Iterator[httpx.Client]:
    with detecting_web.new_client() as client:
        yield client


def get(client: httpx.Client, paste: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = client.get(f"/api/v1/entries/{paste['key']}").raise_for_status().json()
    return entry


def wait_for(client: httpx.Client, paste: dict[str, Any], language: str) -> dict[str, Any]:
    """The entry, once its language is known to be this."""
    eventually(lambda: get(client, paste)["detected_syntax"] == language, f"{language} at {paste['key']}")
    return get(client, paste)


def test_language_is_found_after_the_create_and_changes_nothing_else(detecting: httpx.Client) -> None:
    if importlib.util.find_spec("magika") is None:
        pytest.skip("magika is not installed (requirements-detect.lock)")
    paste = create_paste(detecting, text=PYTHON)
    assert paste["detected_syntax"] is None
    # Cached before it is found.
    get(detecting, paste)

    found = wait_for(detecting, paste, "python")

    assert detecting.get(f"/api/v1/entries/{paste['key']}").headers["etag"] == '"1"'
    unchanged = ("updated_at", "created_at", "expires_at", "title", "syntax", "visibility", "size_bytes")
    assert {name: found.get(name) for name in unchanged} == {name: paste.get(name) for name in unchanged}
    page = detecting.get(f"/{paste['key']}", headers=BROWSER).text
    assert "Python" in page


def test_form_and_bulk_of_them_are_looked_at_too(detecting: httpx.Client) -> None:
    send_form(detecting, "/", "/pastes", text=JSON, alias="form-detected-json")
    pastes = [create_paste(detecting, text=JSON) for _ in range(40)]

    for paste in ({"key": "form-detected-json"}, *pastes):
        wait_for(detecting, paste, "json")


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ({"title": "app.rb", "text": WORDS}, "ruby"),
        ({"title": "Dockerfile", "text": WORDS}, "docker"),
        ({"text": "#!/bin/sh\nls\n"}, "bash"),
        ({"text": "x = 1\n# vim: ft=lua\n"}, "lua"),
    ],
)
def test_what_name_or_text_declare_is_known_at_once_wherever(
    client: httpx.Client, fields: dict[str, str], language: str
) -> None:
    paste = create_paste(client, **fields)

    assert (paste["detected_syntax"], get(client, paste)["detected_syntax"]) == (language, language)


async def test_language_that_the_author_names_is_not_looked_for(
    detecting: httpx.Client, database: asyncpg.Connection
) -> None:
    paste = create_paste(detecting, text=JSON, title="a.json", syntax="yaml")
    wait_for(detecting, create_paste(detecting, text=JSON), "json")

    assert await database.fetchval("SELECT detected_syntax FROM entry WHERE key = $1", paste["key"]) is None


async def test_what_was_looked_at_in_vain_is_not_looked_at_again(
    detecting: httpx.Client, database: asyncpg.Connection
) -> None:
    paste = create_paste(detecting, text="2026-03-01 10:00:00 INFO start\n")
    if importlib.util.find_spec("magika") is None:
        pytest.skip("magika is not installed (requirements-detect.lock)")

    async def stored() -> str | None:
        language: str | None = await database.fetchval("SELECT detected_syntax FROM entry WHERE key = $1", paste["key"])
        return language

    # One after the other.
    wait_for(detecting, create_paste(detecting, text=JSON), "json")

    assert await stored() == ""
    assert get(detecting, paste)["detected_syntax"] is None
    outcomes = read_metrics(detecting)
    detecting.get(f"/{paste['key']}", headers=BROWSER)
    wait_for(detecting, create_paste(detecting, text=JSON), "json")
    assert (
        read_metrics(detecting)['slipbin_language_detections_total{outcome="nothing"}']
        == outcomes['slipbin_language_detections_total{outcome="nothing"}']
    )


@pytest.mark.parametrize("fields", [{}, {"views": 2}], ids=["unlimited", "limited"])
def test_paste_that_was_never_looked_at_is_when_its_text_is_read(
    client: httpx.Client, detecting: httpx.Client, fields: dict[str, Any]
) -> None:
    paste = create_paste(client, text=JSON, **fields)
    headers = manage_headers(paste)
    path = f"/api/v1/entries/{paste['key']}"
    assert detecting.get(path, headers=headers).json()["detected_syntax"] is None

    detecting.get(f"{path}/text").raise_for_status()

    eventually(lambda: detecting.get(path, headers=headers).json()["detected_syntax"] == "json", "the language")
    assert detecting.get(path).json()["detected_syntax"] == (None if fields else "json")


def test_change_of_text_or_name_has_it_looked_for_again(detecting: httpx.Client) -> None:
    paste = create_paste(detecting, text=JSON)
    path, headers = f"/api/v1/entries/{paste['key']}", manage_headers(paste)

    def change(*, soon: str | None = None, **fields: Any) -> str | None:
        """The answer's language; `soon`: what the text itself is found to be in, perhaps before it is asked for."""
        changed = detecting.patch(path, json=fields, headers=headers).raise_for_status().json()
        language: str | None = changed["detected_syntax"]
        assert get(detecting, paste)["detected_syntax"] in (language, soon)
        return language

    wait_for(detecting, paste, "json")
    assert change(title="Words") == "json"
    assert change(title="app.py") == "python"
    assert change(title="Words", soon="json") is None
    wait_for(detecting, paste, "json")
    assert change(text="#!/bin/sh\nls\n") == "bash"
    assert change(syntax="python") is None
    assert change(title="app.rb") is None
    assert change(syntax=None) == "ruby"
    assert change(title=None, soon="bash") is None
    assert change(text=JSON, soon="json") is None
    wait_for(detecting, paste, "json")
    assert detecting.get(path).headers["etag"] == '"10"'


def test_lists_and_exports_have_it(client: httpx.Client) -> None:
    user = new_user(client)
    create_paste(client, headers=user.headers, title="app.py")
    create_paste(client, headers=user.headers, title="Words")
    create_link(client, headers=user.headers)

    listed = [item.get("detected_syntax") for item in list_entries(client, user, sort="created")["items"]]
    names, *rows = client.get("/api/v1/entries/export?format=csv", headers=user.headers).text.splitlines()

    assert listed == ["python", None, None]
    assert "detected_syntax" in names
    assert sum("python" in row for row in rows) == 1


async def test_program_before_the_column_forgets_what_was_of_another_text(database: asyncpg.Connection) -> None:
    """It sets neither this column nor the version."""
    key = await insert_paste(database, syntax=None, detected_syntax="python")

    await database.execute("UPDATE entry SET visit_count = 3, visibility = 'public' WHERE key = $1", key)
    assert await database.fetchval("SELECT detected_syntax FROM entry WHERE key = $1", key) == "python"
    await database.execute("UPDATE entry SET body_id = gen_random_uuid() WHERE key = $1", key)
    assert await database.fetchval("SELECT detected_syntax FROM entry WHERE key = $1", key) is None
