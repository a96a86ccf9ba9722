"""A part of the disk of the texts stays free: what would need it is refused, and the rest goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from main_service.engines.disk_floor import DiskFloor
from main_service.errors import StorageFullError
from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import create_paste, manage_headers
from tests.support.pages import send_form, visible_text
from tests.support.web import WebServer


@pytest.fixture(scope="module")
def full(environment: Environment) -> Iterator[WebServer]:
    """A web process that wants more free space than any disk has."""
    with WebServer(environment | {"MAIN_BODY_STORE_MIN_FREE_BYTES": str(10**18)}) as server:
        yield server


def test_without_room_new_texts_are_refused_and_the_rest_goes_on(web: WebServer, full: WebServer) -> None:
    paste = create_paste(web.client, text="kept")
    address = f"/api/v1/entries/{paste['key']}"

    refused = full.client.post("/api/v1/pastes", json={"text": "more"})
    page = send_form(full.client, "/", "/pastes", text="typed for an hour")
    changed = full.client.patch(address, json={"text": "more"}, headers=manage_headers(paste))
    user = new_user(full.client)
    imported = full.client.post(
        "/api/v1/imports", data={"format": "yourls-csv"}, files={"file": b"a"}, headers=user.headers
    )

    for answer in (refused, changed, imported):
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
        assert int(answer.headers["retry-after"]) > 0
    assert page.status_code == 507
    assert "no room for more text" in visible_text(page)
    assert "typed for an hour</textarea>" in page.text
    assert full.client.get(f"/{paste['key']}/raw").text == "kept"
    assert full.client.patch(address, json={"title": "new"}, headers=manage_headers(paste)).status_code == 200
    assert full.client.post("/api/v1/links", json={"original_url": "https://example.org/"}).status_code == 201
    assert full.client.delete(address, headers=manage_headers(paste)).status_code == 204


async def test_disk_is_looked_at_once_a_second_at_most_and_room_is_seen_again(tmp_path: Path) -> None:
    now, free, looks = 100.0, 99, 0

    def look(_: Path) -> int:
        nonlocal looks
        looks += 1
        return free

    floor = DiskFloor(tmp_path, 100, look=look, clock=lambda: now)
    for _ in range(5):
        with pytest.raises(StorageFullError):
            await floor.require_room()
    free, now = 100, 100.9
    with pytest.raises(StorageFullError):
        await floor.require_room()
    assert looks == 1
    now = 101.0
    await floor.require_room()
    assert looks == 2
