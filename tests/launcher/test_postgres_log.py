"""What PostgreSQL writes to its log, and the launcher to the terminal, names no user: clashes are no errors there."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.launcher.launched import Launched, Launchers, empty_folder, launchers
from tests.support.accounts import PASSWORD, User, new_user, token_in_email
from tests.support.database import connected
from tests.support.engines import SECRET, Environment, run_main
from tests.support.web import WebServer


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Launched, WebServer]]:
    """Engines whose words are kept, and a web process on them."""
    logs: Path = tmp_path_factory.mktemp("logs")
    with empty_folder() as data, launchers(data, logs) as started:
        engines = Launchers.engines(started)
        environment: Environment = {
            **engines.addresses,
            "MAIN_SECRET": SECRET,
            "MAIN_PUBLIC_URL": "http://slipbin.test",
        }
        run_main("migrate", environment=environment)
        with WebServer(environment) as web:
            yield engines, web


@pytest.fixture
def client(own: tuple[Launched, WebServer]) -> Iterator[httpx.Client]:
    with own[1].new_client() as visitor:
        yield visitor


async def what_is_said(own: tuple[Launched, WebServer]) -> list[str]:
    """All that PostgreSQL said so far, as the launcher printed it."""
    mark = f"said by {uuid4()}"
    async with connected(own[0].addresses) as connection:
        await connection.execute(f"DO $$BEGIN RAISE WARNING '{mark}'; END$$")
    own[0].wait_for_text(mark)
    lines = [line for line in own[0].log.splitlines() if line.startswith("postgres ")]
    assert any(mark in line for line in lines)
    return [line for line in lines if "said by" not in line and "STATEMENT" not in line]


async def test_clashes_of_names_and_addresses_are_no_errors(
    own: tuple[Launched, WebServer], client: httpx.Client
) -> None:
    before = await what_is_said(own)
    one, other = new_user(client), new_user(client)

    def ask(method: str, path: str, **body: object) -> int:
        return client.request(method, f"/api/v1{path}", json=body, headers=one.headers).status_code

    def make(path: str, **body: object) -> str:
        created = client.post(f"/api/v1{path}", json=body, headers=one.headers)
        assert created.status_code == 201, created.text
        entity: dict[str, str] = created.json()
        return entity.get("id") or entity["key"]

    new = {"email": other.email.upper(), "password": PASSWORD}
    assert ask("POST", "/auth/register", **new) == 201
    assert ask("POST", "/auth/register", **new | {"email": "new@example.org", "username": other.username}) == 409
    assert ask("PATCH", "/users/me", username=other.username.upper()) == 409
    assert ask("PATCH", "/users/me", username=one.username.upper()) == 200
    first, second = make("/collections", name="First"), make("/collections", name="Second")
    assert ask("POST", "/collections", name="FIRST") == 409
    assert ask("PATCH", f"/collections/{second}", name="first") == 409
    assert ask("PATCH", f"/collections/{first}", name="FIRST") == 200
    key = make("/links", original_url="https://example.org/", alias="our-picnic")
    assert ask("POST", "/links", original_url="https://example.org/", alias=key) == 409
    for _ in range(2):
        assert ask("PUT", f"/collections/{first}/entries/{key}") in (200, 204)
        sent = client.post("/api/v1/pastes", json={"text": "once"}, headers={**one.headers, "Idempotency-Key": "once"})
        assert sent.status_code == 201

    await change_to_taken_email(own, client, one)

    assert await what_is_said(own) == before


async def change_to_taken_email(own: tuple[Launched, WebServer], client: httpx.Client, user: User) -> None:
    """The address is registered by another between the email about a change and the answer to it."""
    wanted = "wanted@example.org"
    body = {"email": wanted, "password": PASSWORD}
    assert client.patch("/api/v1/users/me", json=body, headers=user.headers).status_code in (200, 202)
    assert client.post("/api/v1/auth/register", json={**body, "username": "rival"}).status_code == 201
    async with connected(own[0].addresses) as connection:
        token = await token_in_email(connection, wanted, "confirm_new")
    assert client.get(f"/api/v1/auth/verify/{token}").status_code == 400


async def test_error_is_logged_without_the_values_that_it_is_about(
    own: tuple[Launched, WebServer], client: httpx.Client
) -> None:
    user, other = new_user(client), new_user(client)
    renamed = "UPDATE account SET username = $1 WHERE username = $2"
    async with connected(own[0].addresses) as connection:
        with pytest.raises(asyncpg.UniqueViolationError) as caught:
            await connection.execute(renamed, user.username, other.username)

    own[0].wait_for_text('duplicate key value violates unique constraint "uq_account_username"')
    assert user.username in (caught.value.detail or "")
    assert user.username not in own[0].log
    assert "DETAIL" not in own[0].log
