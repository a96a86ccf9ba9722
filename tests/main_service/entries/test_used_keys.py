"""A key that was used once is never given again, whatever became of its entry and to no client."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from tests.support.accounts import User, account_id_of, new_user
from tests.support.entries import create_link, create_paste, delete_entry, new_alias
from tests.support.pages import CURL, send_form

ENDS = ["deleted", "expired", "unmarked", "unused", "viewed", "emptied"]


async def end(client: httpx.Client, database: asyncpg.Connection, user: User, key: str, *, how: str) -> None:
    if how == "deleted":
        delete_entry(client, user, key)
    elif how == "unmarked":
        await database.execute("UPDATE entry SET expires_at = now() - interval '1 s' WHERE key = $1", key)
    elif how == "viewed":
        assert client.get(f"/{key}", headers=CURL).status_code in (200, 302)
    else:
        reason = "unused" if how == "unused" else "expired"
        await database.execute(
            "UPDATE entry SET ended_at = now() - interval '9 years', archival_reason = $2 WHERE key = $1", key, reason
        )
    if how == "emptied":
        # As clean-up leaves a row of which nothing else is kept.
        await database.execute(
            "UPDATE entry SET title = NULL, original_url = NULL, target_digest = NULL, body_id = NULL, owner_id = NULL"
            " WHERE key = $1",
            key,
        )


@pytest.mark.parametrize("create", [create_link, create_paste])
@pytest.mark.parametrize("how", ENDS)
async def test_alias_of_an_ended_entry_is_given_to_no_one(
    client: httpx.Client, database: asyncpg.Connection, how: str, create: Callable[..., dict[str, Any]]
) -> None:
    owner, other, alias = new_user(client), new_user(client), new_alias()
    create(client, headers=owner.headers, alias=alias, **({"views": 1} if how == "viewed" else {}))
    await end(client, database, owner, alias, how=how)

    wanted = {
        "links": {"original_url": "https://example.org/again", "alias": alias},
        "pastes": {"text": "again", "alias": alias},
    }
    answers = [
        client.post(f"/api/v1/{path}", json=body, headers=headers)
        for path, body in wanted.items()
        for headers in ({}, owner.headers, other.headers)
    ]
    form = send_form(client, "/?kind=link", "/links", original_url="https://example.org/", alias=alias)

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "alias_taken")}
    assert form.status_code == 409
    assert client.get(f"/{alias}").status_code == 410


async def test_alias_of_a_deleted_account_is_given_to_no_one(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    owner, alias = new_user(client), new_alias()
    create_link(client, headers=owner.headers, alias=alias)
    account_id: UUID = account_id_of(client, owner)
    delete_entry(client, owner, alias)
    await database.execute("UPDATE entry SET owner_id = NULL WHERE owner_id = $1", account_id)
    await database.execute("DELETE FROM account WHERE id = $1", account_id)

    again = client.post("/api/v1/links", json={"original_url": "https://example.org/", "alias": alias})

    assert (again.status_code, again.json()["code"]) == (409, "alias_taken")


@pytest.mark.parametrize("alias", ["notes.md", "a.b", ".ab", "abc.", "a..b", "abc%2emd"])
def test_alias_has_no_dot(client: httpx.Client, alias: str) -> None:
    """`/KEY.md` is the paste `KEY`, read as Markdown."""
    answers = [
        client.post("/api/v1/links", json={"original_url": "https://example.org/", "alias": alias}),
        client.post("/api/v1/pastes", json={"text": "a", "alias": alias}),
        send_form(client, "/?kind=link", "/links", original_url="https://example.org/", alias=alias),
    ]

    assert [answer.status_code for answer in answers] == [422] * 3
    assert [answer.json()["errors"][0]["field"] for answer in answers[:2]] == ["alias"] * 2
