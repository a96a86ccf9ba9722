"""A word that is reserved today may be the key of an entry from before; it goes on as ever."""

from uuid import UUID

import asyncpg
import httpx
import pytest

from tests.support.accounts import User, account_id_of, new_user
from tests.support.entries import insert_entry
from tests.support.pages import BROWSER

LATER = ["documents", "embed", "Rest", "moderation", "CLIENT", "rss", "oidc", "backup"]
"""Some of those that were added to the list after entries could have them."""


@pytest.fixture
def user(client: httpx.Client) -> User:
    return new_user(client)


@pytest.mark.parametrize("word", LATER)
async def test_entry_with_a_word_that_was_reserved_later_goes_on(
    client: httpx.Client, database: asyncpg.Connection, user: User, word: str
) -> None:
    owner: UUID = account_id_of(client, user)
    await insert_entry(database, key=word, owner_id=owner, original_url="https://example.org/a", visibility="public")
    entry = f"/api/v1/entries/{word}"

    assert client.get(f"/{word}").headers["location"] == "https://example.org/a"
    assert client.get(f"/{word}+", headers=BROWSER).status_code == 200
    assert client.get(f"/{word}/qr.svg").status_code == 200
    assert client.get(entry).json()["url"] == f"http://slipbin.test/{word}"
    changed = client.patch(entry, json={"original_url": "https://example.org/b"}, headers=user.headers)
    assert changed.status_code == 200
    assert client.get(f"/{word}").headers["location"] == "https://example.org/b"
    assert client.get(f"{entry}/stats", headers=user.headers).status_code == 200
    assert client.delete(entry, headers=user.headers).status_code == 204
    assert client.get(f"/{word}").status_code == 410


@pytest.mark.parametrize("word", LATER)
def test_no_new_entry_gets_such_a_word(client: httpx.Client, word: str) -> None:
    refused = client.post("/api/v1/links", json={"original_url": "https://example.org/", "alias": word})

    assert (refused.status_code, refused.json()["code"]) == (422, "alias_reserved")
