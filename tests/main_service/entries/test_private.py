"""Private entries: their owner alone sees them; to everybody else there is nothing at their address."""

import asyncio

import asyncpg
import httpx
import pytest
import redis

from tests.support.accounts import User, new_user, sign_in_on_page
from tests.support.database import wait_for_blocked_statements
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.pages import CURL

# No key is drawn twice, and this one is never drawn: base58 has no `0`.
UNKNOWN = "0AAAAAAAAAA"
HTML = {"Accept": "text/html"}

READING = [
    ("GET", "/{key}", None),
    ("HEAD", "/{key}", None),
    ("GET", "/{key}/raw", None),
    ("GET", "/{key}+", None),
    ("GET", "/{key}/manage", None),
    ("GET", "/{key}/edit", None),
    ("GET", "/{key}/manage/edit", None),
    ("POST", "/{key}/reveal", {"other": "a"}),
    ("POST", "/{key}/manage", {"token": "a"}),
    ("POST", "/{key}/manage/expiry", {"lifetime": "PT1H"}),
    ("POST", "/{key}/edit", {"title": "a"}),
    ("POST", "/{key}/manage/edit", {"title": "a"}),
    ("POST", "/{key}/manage/delete", {"confirm": "yes"}),
    ("GET", "/api/v1/entries/{key}", None),
    ("GET", "/api/v1/entries/{key}/text", None),
    ("PATCH", "/api/v1/entries/{key}", {"title": "a"}),
    ("DELETE", "/api/v1/entries/{key}", None),
]


def ask(client: httpx.Client, method: str, path: str, body: dict[str, str] | None, **headers: str) -> httpx.Response:
    content = {} if body is None else {"json" if path.startswith("/api/") else "data": body}
    return client.request(method, path, headers=headers, **content)


def seen(response: httpx.Response, key: str) -> tuple[int, dict[str, str], str]:
    """All that an answer tells, but for the time, and for the key that the client named itself."""
    headers = {
        name: value for name, value in response.headers.items() if name not in ("date", "set-cookie", "x-request-id")
    }
    return response.status_code, headers, response.text.replace(key, "KEY")


def is_owner_shown(client: httpx.Client, user: User, key: str) -> bool:
    return client.get(f"/api/v1/entries/{key}", headers=user.headers).status_code == 200


@pytest.mark.parametrize("create", [create_paste, create_link])
@pytest.mark.parametrize("views", [None, 3])
@pytest.mark.parametrize("is_live", [True, False])
def test_private_entry_cannot_be_told_from_an_unknown_key(
    client: httpx.Client, create, views: int | None, *, is_live: bool
) -> None:
    owner, other = new_user(client), new_user(client)
    limit = {} if views is None else {"views": views}
    key = create(client, headers=owner.headers, visibility="private", title="secret title", **limit)["key"]
    assert len(key) == 11
    if not is_live:
        assert client.delete(f"/api/v1/entries/{key}", headers=owner.headers).status_code == 204

    for headers in ({}, other.headers, {"X-Manage-Token": "a" * 43}, HTML):
        for method, path, body in READING:
            answers = [ask(client, method, path.format(key=k), body, **headers) for k in (key, UNKNOWN)]
            assert seen(answers[0], key) == seen(answers[1], UNKNOWN), (method, path)
            assert answers[0].status_code == 404, (method, path)


def test_owner_reads_and_changes_it(client: httpx.Client) -> None:
    owner = new_user(client)
    paste = create_paste(client, headers=owner.headers, visibility="private", title="mine")
    address = f"/api/v1/entries/{paste['key']}"

    assert client.get(address, headers=owner.headers).json()["title"] == "mine"
    assert client.get(f"{address}/text", headers=owner.headers).text == "some text\n"
    assert client.patch(address, json={"text": "other"}, headers=owner.headers).status_code == 200
    assert client.get(f"{address}/text", headers=owner.headers).text == "other"
    assert client.delete(address, headers=owner.headers).status_code == 204
    assert client.get(address, headers=owner.headers).status_code == 410


def test_paste_that_becomes_private_is_gone_at_once_though_a_copy_stood_in_redis(
    client: httpx.Client, valkey: redis.Redis
) -> None:
    owner = new_user(client)
    paste = create_paste(client, headers=owner.headers)
    address = f"/api/v1/entries/{paste['key']}"
    assert client.get(f"/{paste['key']}").status_code == 200
    assert valkey.get(f"entry:{{0}}:{paste['key']}")

    assert client.patch(address, json={"visibility": "private"}, headers=owner.headers).status_code == 200

    for _ in range(2):
        assert client.get(f"/{paste['key']}").status_code == 404
        assert is_owner_shown(client, owner, paste["key"])
    assert valkey.get(f"entry:{{0}}:{paste['key']}").startswith("[0,"), "only the tombstone"
    assert client.patch(address, json={"visibility": "public"}, headers=owner.headers).status_code == 200
    assert client.get(f"/{paste['key']}").status_code == 200


@pytest.mark.parametrize("alias", [None, "our-picnic"])
def test_entry_whose_address_could_be_guessed_cannot_become_private(client: httpx.Client, alias: str | None) -> None:
    owner = new_user(client)
    chosen = {"alias": f"{alias}-{new_alias()}"} if alias else {}
    link = create_link(client, headers=owner.headers, **chosen)

    refused = client.patch(f"/api/v1/entries/{link['key']}", json={"visibility": "private"}, headers=owner.headers)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "key_too_easy")
    assert client.get(f"/{link['key']}").status_code == 302


def test_private_entry_has_no_copy_in_redis(client: httpx.Client, valkey: redis.Redis) -> None:
    owner = new_user(client)
    key = create_paste(client, headers=owner.headers, visibility="private")["key"]

    assert is_owner_shown(client, owner, key)
    assert valkey.get(f"entry:{{0}}:{key}") is None


@pytest.mark.parametrize("create", [create_paste, create_link])
async def test_owner_who_comes_too_late_for_the_last_view_is_told_so(
    client: httpx.Client, database: asyncpg.Connection, create
) -> None:
    user = new_user(client)
    assert sign_in_on_page(client, user.email).status_code == 303
    key = create(client, headers=user.headers, visibility="private", views=1)["key"]

    async with database.transaction():
        await database.execute(
            "UPDATE entry SET views_left = 0, ended_at = now(), archival_reason = 'viewed' WHERE key = $1", key
        )
        viewing = asyncio.create_task(
            asyncio.to_thread(client.get, f"/{key}", headers=CURL | {"Accept": "application/json"})
        )
        await wait_for_blocked_statements(database)

    assert ((await viewing).status_code, (await viewing).json()["reason"]) == (410, "viewed")


def test_private_is_for_users_and_takes_no_alias(client: httpx.Client) -> None:
    owner = new_user(client)

    def code(body: dict[str, str], headers: dict[str, str]) -> str:
        refused = client.post("/api/v1/pastes", json={"text": "a", "visibility": "private", **body}, headers=headers)
        assert refused.status_code == 422
        refusal: str = refused.json()["errors"][0]["code"]
        return refusal

    assert code({}, {}) == "private_for_users"
    assert code({"alias": new_alias()}, owner.headers) == "alias_of_private"
    guests = create_paste(client)
    refused = client.patch(
        f"/api/v1/entries/{guests['key']}", json={"visibility": "private"}, headers=manage_headers(guests)
    )
    assert refused.json()["errors"][0]["code"] == "private_for_users"


async def test_private_entry_without_owner_is_refused_by_the_database(database: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="ck_entry_only_users"):
        await database.execute(
            "INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url)"
            " VALUES ('nobodys', 'link', 'private', now(), now(), now() + interval '1 hour', 'https://example.org/')"
        )
