"""The fast path answers as an entry is now: after changes, new texts and the end of its lifetime."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import redis

from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.visits import streamed_visits
from tests.support.web import WebServer


def text(client: httpx.Client) -> str:
    return str(create_paste(client, text="grüße\n", visibility="public")["key"])


@pytest.mark.parametrize("change", ["target", "deleted"])
def test_next_request_in_every_process_sees_a_change(change: str, fast_path_environment: Environment) -> None:
    with WebServer(fast_path_environment, processes=2) as both:
        clients = [both.new_client() for _ in range(8)]
        user = new_user(clients[0]).headers
        for number in range(10):
            link = create_link(clients[0], headers=user, original_url="https://example.org/old")
            path = f"/{link['key']}"
            for client in clients * 2:
                assert client.get(path).headers["location"] == "https://example.org/old"
            entry = f"/api/v1/entries/{link['key']}"
            if change == "deleted":
                assert clients[0].delete(entry, headers=user).status_code == 204
                assert [client.get(path).status_code for client in clients] == [410] * 8
            elif change == "target":
                new = f"https://example.org/new{number}"
                assert clients[0].patch(entry, headers=user, json={"original_url": new}).status_code == 200
                assert [client.get(path).headers["location"] for client in clients] == [new] * 8
                assert [client.get(path).headers["location"] for client in clients] == [new] * 8
        for client in clients:
            client.close()


def test_text_that_was_replaced_is_not_read_again(web: WebServer) -> None:
    paste = create_paste(web.client, text="old")
    path = f"/{paste['key']}/raw"
    for _ in range(3):
        assert web.client.get(path).text == "old"
    for text in ("new", "newer"):
        entry = f"/api/v1/entries/{paste['key']}"
        assert web.client.patch(entry, headers=manage_headers(paste), json={"text": text}).status_code == 200
        for _ in range(4):
            assert web.client.get(path).text == text


def test_entry_is_over_to_the_moment(web: WebServer, valkey: "redis.Redis[str]") -> None:
    """Even if its cached entry outlives it, as it would with a Redis whose clock is late."""
    link: dict[str, Any] = create_link(web.client)
    path, name = f"/{link['key']}", f"entry:{{0}}:{link['key']}"
    assert web.client.get(path).status_code == 302
    number, fields = json.loads(str(valkey.get(name)))
    over_at = datetime.now(UTC) + timedelta(seconds=1)
    over_at_ms = f"{int(over_at.timestamp() * 1000):013}"
    fields |= {"head": fields["head"][0] + over_at_ms + fields["head"][14:], "expires_at": over_at.isoformat()}
    valkey.set(name, json.dumps([number, fields], separators=(",", ":")))

    while web.client.get(path).status_code == 302:
        pass

    assert datetime.now(UTC) >= over_at
    visits = len(streamed_visits(valkey, link["key"]))
    assert web.client.get(path).status_code == 410
    assert len(streamed_visits(valkey, link["key"])) == visits
