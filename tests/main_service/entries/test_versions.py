"""The version of an entry: its ETag, `If-Match` on PATCH and DELETE, and what raises it."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import CURL
from tests.support.web import WebServer


@pytest.fixture
def client(web: WebServer) -> httpx.Client:
    """One visitor for all rows of the tables: making a client takes longer than its request."""
    return web.client


def address(entry: dict[str, Any]) -> str:
    return f"/api/v1/entries/{entry['key']}"


def etag(client: httpx.Client, entry: dict[str, Any]) -> str:
    return client.get(address(entry)).headers["etag"]


def change(client: httpx.Client, entry: dict[str, Any], if_match: str | None = None, **fields: Any) -> httpx.Response:
    condition = {} if if_match is None else {"If-Match": if_match}
    return client.patch(address(entry), json=fields, headers=manage_headers(entry) | condition)


def test_each_change_raises_the_version(client: httpx.Client) -> None:
    created = client.post("/api/v1/pastes", json={"text": "one"})
    paste = created.json()
    assert (created.headers["etag"], etag(client, paste)) == ('"1"', '"1"')

    for version, fields in enumerate(
        [{"title": "A title"}, {"text": "two"}, {"expires_in": "P2D"}, {"syntax": "python"}, {"visibility": "public"}],
        start=2,
    ):
        changed = change(client, paste, **fields)
        assert (changed.headers["etag"], etag(client, paste)) == (f'"{version}"', f'"{version}"')

    assert change(client, paste).headers["etag"] == '"6"', "nothing was changed"


def test_refused_change_raises_no_version(client: httpx.Client) -> None:
    link = create_link(client)

    assert change(client, link, original_url="javascript:alert(1)").status_code == 422
    assert client.patch(address(link), json={"title": "x"}).status_code == 401

    assert etag(client, link) == '"1"'


def test_reading_and_spending_views_raise_no_version(client: httpx.Client) -> None:
    paste, link = create_paste(client, views=3), create_link(client)

    assert client.get(f"/{paste['key']}/raw", headers=CURL).status_code == 200
    assert client.get(f"/{link['key']}").status_code == 302

    assert (etag(client, paste), etag(client, link)) == ('"1"', '"1"')


@pytest.mark.parametrize("if_match", ['"1"', '"7", "1"', '"7" ,"1",', "*", '"a,b", "1"', 'W/"1", "1"'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_request_for_this_version_is_done(client: httpx.Client, method: str, if_match: str) -> None:
    paste = create_paste(client)

    response = client.request(
        method, address(paste), json={"title": "new"} if method == "PATCH" else None,
        headers=manage_headers(paste) | {"If-Match": if_match},
    )  # fmt: skip

    assert response.status_code == (200 if method == "PATCH" else 204)


@pytest.mark.parametrize("if_match", ['"2"', '"0"', '"01"', '"-1"', 'W/"1"', '"7", "8"', '""', '"\u00b9"'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_request_for_another_version_is_refused_and_does_nothing(
    client: httpx.Client, method: str, if_match: str
) -> None:
    paste = create_paste(client, text="kept")

    response = client.request(
        method, address(paste), json={"text": "lost", "title": "lost"} if method == "PATCH" else None,
        headers=[*manage_headers(paste).items(), ("If-Match", if_match.encode("latin-1"))],
    )  # fmt: skip

    assert (response.status_code, response.json()["code"]) == (412, "version_mismatch")
    assert response.headers["etag"] == '"1"', "which one it has"
    assert (client.get(f"/{paste['key']}/raw").text, etag(client, paste)) == ("kept", '"1"')


@pytest.mark.parametrize("if_match", ["1", '"1 "', "", ",", '"1', '1"', '"1" "1"', '*, "1"', 'w/"1"', '"1"; "2"'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_precondition_that_can_not_be_read_is_refused(client: httpx.Client, method: str, if_match: str) -> None:
    paste = create_paste(client)

    response = client.request(
        method, address(paste), json={"title": "lost"} if method == "PATCH" else None,
        headers=manage_headers(paste) | {"If-Match": if_match},
    )  # fmt: skip

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "If-Match")
    assert etag(client, paste) == '"1"'


def test_several_lines_of_if_match_are_one_list(client: httpx.Client) -> None:
    link = create_link(client)

    response = client.patch(
        address(link),
        json={"title": "new"},
        headers=[*manage_headers(link).items(), ("If-Match", '"7"'), ("If-Match", '"1"')],
    )

    assert response.status_code == 200


def test_of_two_changes_to_one_version_the_second_is_refused(client: httpx.Client) -> None:
    paste = create_paste(client, text="one")
    seen = etag(client, paste)

    assert change(client, paste, if_match=seen, text="two").status_code == 200
    assert change(client, paste, if_match=seen, text="three").status_code == 412
    assert client.get(f"/{paste['key']}/raw").text == "two"
    assert change(client, paste, text="four").status_code == 200, "without a precondition as ever"


def test_rights_come_before_the_precondition(client: httpx.Client) -> None:
    paste = create_paste(client)

    for headers, status in (({}, 401), ({"X-Manage-Token": "wrong"}, 403)):
        refused = client.patch(address(paste), json={"title": "x"}, headers=headers | {"If-Match": '"9"'})
        assert refused.status_code == status
    assert client.delete("/api/v1/entries/unknown-key", headers={"If-Match": "*"}).status_code == 404


def test_if_none_match_is_not_answered(client: httpx.Client) -> None:
    link = create_link(client)

    assert client.get(address(link), headers={"If-None-Match": '"1"'}).status_code == 200


async def test_change_by_a_program_that_knows_no_versions_raises_it(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    """The previous release runs beside this one during an upgrade: what it changes must not look unchanged."""
    link = create_link(client)
    update = "UPDATE entry SET title = $2, updated_at = now() WHERE key = $1"

    await database.execute(update, link["key"], "by the old one")
    assert change(client, link, if_match='"1"', title="by the new one").status_code == 412
    await database.execute(update, link["key"], "by the old one")
    assert change(client, link, if_match='"2"', title="by the new one").headers["etag"] == '"3"'


async def test_counting_and_cleaning_up_raise_no_version(client: httpx.Client, database: asyncpg.Connection) -> None:
    link = create_link(client, title="A title")

    await database.execute(
        "UPDATE entry SET visit_count = visit_count + 5, bot_count = 1, last_visit_at = now() WHERE key = $1",
        link["key"],
    )
    assert await database.fetchval("SELECT version FROM entry WHERE key = $1", link["key"]) == 1
    await database.execute(
        "UPDATE entry SET ended_at = now(), archival_reason = 'deleted', title = NULL, original_url = NULL"
        " WHERE key = $1",
        link["key"],
    )
    assert await database.fetchval("SELECT version FROM entry WHERE key = $1", link["key"]) == 1
