"""Limited views when readers race each other, or a change of the text."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.support.database import wait_for_blocked_statements
from tests.support.entries import create_paste, manage_headers
from tests.support.limited_views import SECRET_TARGET, SECRET_TEXT, assert_is_viewed, limited_link, limited_paste
from tests.support.pages import CURL
from tests.support.web import WebServer

PROGRAM = CURL | {"Accept": "application/json"}
"""It is told in JSON what is wrong."""

READERS = 200
VIEWS = 5


@pytest.fixture
def client(client: httpx.Client) -> httpx.Client:
    client.headers.update(PROGRAM)
    return client


@pytest.mark.parametrize("kind", ["paste", "link"])
@pytest.mark.parametrize("attempt", range(3))
def test_of_two_hundred_who_race_exactly_five_get_it(web: WebServer, kind: str, attempt: int) -> None:
    make = limited_paste if kind == "paste" else limited_link
    entry = make(web.client, views=VIEWS)

    address = urlsplit(web.address)
    all_are_there = Barrier(READERS)

    def read(number: int) -> tuple[int, str | None, str]:
        connection = HTTPConnection(address.hostname, address.port, timeout=60)
        connection.connect()
        all_are_there.wait(60)
        deadline = time.monotonic() + 60
        while True:
            is_raw = kind == "paste" and number % 2
            connection.request("GET", f"/{entry['key']}{'/raw' if is_raw else ''}", headers=PROGRAM)
            answer = connection.getresponse()
            text = answer.read().decode()
            # Who waited too long for a connection to the database is asked to come again, and has spent no view.
            if answer.status != 503 or time.monotonic() > deadline:
                connection.close()
                return answer.status, answer.getheader("Location"), text

    with ThreadPoolExecutor(READERS) as readers:
        answers = list(readers.map(read, range(READERS)))

    served = [answer for answer in answers if answer[0] in (200, 302)]
    assert len(served) == VIEWS
    assert all(text == SECRET_TEXT or location == SECRET_TARGET for _, location, text in served)
    for status, _, text in answers:
        if status not in (200, 302):
            assert (status, json.loads(text).get("reason")) == (410, "viewed"), text


def test_text_that_is_replaced_while_it_is_read_shows_one_of_its_states(client: httpx.Client, web: WebServer) -> None:
    # The last view is left until every change is made: what has ended can't be changed.
    paste = limited_paste(client, views=31)

    def change(number: int) -> None:
        with web.new_client() as visitor:
            address = f"/api/v1/entries/{paste['key']}"
            assert (
                visitor.patch(address, json={"text": f"text {number}"}, headers=manage_headers(paste)).status_code
                == 200
            )

    def read(_: int) -> httpx.Response:
        with web.new_client() as visitor:
            return visitor.get(f"/{paste['key']}/raw", headers=PROGRAM)

    with ThreadPoolExecutor(8) as pool:
        changes = pool.map(change, range(20))
        answers = list(pool.map(read, range(30)))
        list(changes)

    assert [answer.status_code for answer in answers] == [200] * 30
    assert all(answer.text == SECRET_TEXT or answer.text.startswith("text ") for answer in answers)
    assert client.get(f"/{paste['key']}/raw").text.startswith("text ")
    assert_is_viewed(client.get(f"/{paste['key']}/raw"))


async def test_view_shows_the_text_as_it_is_when_it_is_spent(web: WebServer, database: asyncpg.Connection) -> None:
    """A reader has loaded the text and waits for the row, which is changed meanwhile."""
    paste, other = limited_paste(web.client, views=1), create_paste(web.client, text="the new text")
    async with database.transaction():
        new_id = await database.fetchval("SELECT body_id FROM entry WHERE key = $1 FOR UPDATE", other["key"])
        await database.execute("SELECT 1 FROM entry WHERE key = $1 FOR UPDATE", paste["key"])
        request = asyncio.create_task(asyncio.to_thread(web.client.get, f"/{paste['key']}/raw", headers=PROGRAM))
        await wait_for_blocked_statements(database)
        await database.execute(
            "UPDATE entry SET ended_at = now(), archival_reason = 'deleted', body_id = NULL WHERE key = $1",
            other["key"],
        )
        await database.execute("UPDATE entry SET body_id = $2, size_bytes = 12 WHERE key = $1", paste["key"], new_id)

    answer = await request

    assert (answer.status_code, answer.text) == (200, "the new text")
    assert_is_viewed(web.client.get(f"/{paste['key']}/raw", headers=PROGRAM))
