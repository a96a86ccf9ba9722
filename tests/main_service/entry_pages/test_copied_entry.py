"""A form that starts with what another entry holds: `/?from=KEY`."""

import asyncio
import html
import re
from collections import Counter

import httpx
import pytest
import redis

from main_service.entry_pages.copied_entry import LARGE_BYTES, MAX_LARGE, LargeCopies
from tests.support.accounts import new_user, sign_in_on_page
from tests.support.entries import create_link, create_paste, owned_paste
from tests.support.pages import BROWSER
from tests.support.visits import FIREFOX, count_streamed_visits, newest_record_id, wait_for_streamed_visits

TEXT = "\n<b>one</b>\r\ntwo & three\n"


def text_in(page: httpx.Response) -> str:
    """What the text area starts with. The parser drops the newline after its tag."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
    assert found
    return html.unescape(found[1])


@pytest.mark.parametrize("visibility", ["public", "unlisted"])
def test_form_starts_with_the_text_title_and_syntax(client: httpx.Client, visibility: str) -> None:
    paste = create_paste(client, text=TEXT, title='A "title"', syntax="python", visibility=visibility)

    page = client.get("/", params={"from": paste["key"]}, headers=BROWSER)

    assert page.status_code == 200
    assert text_in(page) == TEXT.replace("\r\n", "\n")
    assert 'name="title" value="A &#34;title&#34;"' in page.text
    assert '<option value="python" selected>' in page.text
    assert '<option value="unlisted" selected>' in page.text
    assert "x-robots-tag" in page.headers
    assert page.headers["x-robots-tag"] == "noindex"


def test_link_starts_the_form_of_links_with_its_target(client: httpx.Client) -> None:
    link = create_link(client, original_url="https://example.org/?a=1&b=2")

    page = client.get("/", params={"from": link["key"]}, headers=BROWSER)

    assert 'name="original_url" inputmode="url" value="https://example.org/?a=1&amp;b=2"' in page.text


def test_it_is_no_visit(client: httpx.Client, valkey: redis.Redis) -> None:
    copied, read = create_paste(client)["key"], create_paste(client)["key"]
    since = newest_record_id(valkey)
    headers = BROWSER | {"User-Agent": FIREFOX}

    assert client.get("/", params={"from": copied}, headers=headers).status_code == 200
    assert client.get(f"/{read}", headers=headers).status_code == 200

    # The visit that is later is there, so the earlier one would be.
    wait_for_streamed_visits(valkey, Counter([read]))
    assert count_streamed_visits(valkey, [copied]) == Counter()
    assert since


def test_limited_views_are_not_gone_around(client: httpx.Client) -> None:
    for entry in (create_paste(client, text="secret", views=1), create_link(client, views=1)):
        answer = client.get("/", params={"from": entry["key"]}, headers=BROWSER)

        assert (answer.status_code, answer.headers["location"]) == (303, f"/{entry['key']}")
        assert "secret" not in answer.text
        assert client.get(f"/api/v1/entries/{entry['key']}").json()["views_left"] == 1


def test_private_text_is_for_its_owner_and_stays_private(client: httpx.Client) -> None:
    owner = new_user(client)
    key = owned_paste(client, owner, text="mine alone", visibility="private")

    assert client.get("/", params={"from": key}, headers=BROWSER).status_code == 404
    sign_in_on_page(client, owner.email)
    page = client.get("/", params={"from": key}, headers=BROWSER)

    assert text_in(page) == "mine alone"
    assert '<option value="private" selected>' in page.text


@pytest.mark.parametrize("key", ["nothing-is-here", "../profile", "a b", "%00", "docs"])
def test_what_is_no_entry_is_not_found(client: httpx.Client, key: str) -> None:
    assert client.get("/", params={"from": key}, headers=BROWSER).status_code == 404


async def test_few_pages_with_large_texts_are_made_at_the_same_time() -> None:
    copies = LargeCopies()
    under_way: list[int] = []
    most: Counter[int] = Counter()

    async def make(size_bytes: int) -> None:
        async with copies.turn(size_bytes):
            under_way.append(size_bytes)
            most[size_bytes] = max(most[size_bytes], under_way.count(size_bytes))
            for _ in range(3):
                await asyncio.sleep(0)
            under_way.remove(size_bytes)

    sizes = (LARGE_BYTES, LARGE_BYTES + 1)
    await asyncio.gather(*(make(size_bytes) for size_bytes in sizes for _ in range(8)))

    assert most == {LARGE_BYTES: 8, LARGE_BYTES + 1: MAX_LARGE}
