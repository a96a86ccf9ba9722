"""Visits of owners to their own entries count until they say otherwise."""

import re
from collections import Counter

import httpx
import redis

from tests.support.accounts import bearer, new_user, register_on_page, sign_in
from tests.support.entries import Headers, create_link, create_paste
from tests.support.pages import BROWSER, reveal, send_and_follow
from tests.support.visits import (
    count_streamed_visits,
)
from tests.support.web import WebServer


def test_own_visits_count_until_their_owner_says_otherwise_in_the_api(
    client: httpx.Client, valkey: "redis.Redis[str]"
) -> None:
    owner, other = new_user(client), new_user(client)
    api_token = client.post("/api/v1/tokens", json={"name": "script"}, headers=owner.headers).json()["token"]
    paste = create_paste(client, headers=owner.headers, visibility="private")["key"]
    shared = create_paste(client, headers=owner.headers)["key"]
    guests = create_paste(client)["key"]

    def change(counts: object) -> httpx.Response:
        return client.patch("/api/v1/users/me", json={"counts_own_visits": counts}, headers=owner.headers)

    def read(key: str, headers: Headers) -> None:
        assert client.get(f"/api/v1/entries/{key}/text", headers=headers).status_code == 200

    def read_all() -> None:
        for key in (paste, shared):
            for headers in (owner.headers, bearer(api_token)):
                read(key, headers)
        read(shared, other.headers)
        read(shared, {})
        read(guests, owner.headers)

    assert client.get("/api/v1/users/me", headers=owner.headers).json()["counts_own_visits"] is True
    read_all()
    assert count_streamed_visits(valkey, [paste, shared, guests]) == {paste: 2, shared: 4, guests: 1}
    answer = change(counts=False)
    assert (answer.status_code, answer.json()["counts_own_visits"]) == (200, False)
    read_all()
    assert count_streamed_visits(valkey, [paste, shared, guests]) == {paste: 2, shared: 6, guests: 2}
    assert client.patch("/api/v1/users/me", json={}, headers=owner.headers).json()["counts_own_visits"] is False
    assert change(counts=None).status_code == 422
    assert change(counts=True).json()["counts_own_visits"] is True
    read_all()
    assert count_streamed_visits(valkey, [paste, shared, guests]) == {paste: 4, shared: 10, guests: 3}


def test_own_visits_count_until_their_owner_says_otherwise_on_the_page(
    web: WebServer, client: httpx.Client, valkey: "redis.Redis[str]"
) -> None:
    user = register_on_page(client)
    owner = bearer(sign_in(client, user["email"])["access_token"])
    link, paste = create_link(client, headers=owner)["key"], create_paste(client, headers=owner)["key"]
    limited = create_paste(client, headers=owner, views=10)["key"]

    def read_all(visitor: httpx.Client) -> None:
        assert visitor.get(f"/{link}").status_code == 302
        assert visitor.get(f"/{paste}/raw").status_code == 200
        assert visitor.get(f"/{paste}", headers=BROWSER).status_code == 200
        assert reveal(visitor, limited).status_code == 200

    def is_checked(page: httpx.Response) -> bool:
        (box,) = re.findall(r'<input type="checkbox"[^>]*name="counts_own_visits"[^>]*>', page.text)
        return " checked" in box

    each = Counter({link: 1, paste: 2, limited: 1})
    assert is_checked(client.get("/settings/visits", headers=BROWSER))
    read_all(client)
    assert count_streamed_visits(valkey, each) == each

    done = send_and_follow(client, "/settings/visits", "/settings/visits")

    assert ("Your own visits no longer count." in done.text, is_checked(done)) == (True, False)
    read_all(client)
    assert count_streamed_visits(valkey, each) == each
    with web.new_client() as guest:
        read_all(guest)
    assert count_streamed_visits(valkey, each) == each + each
    done = send_and_follow(client, "/settings/visits", "/settings/visits", counts_own_visits="yes")
    assert ("Your own visits count." in done.text, is_checked(done)) == (True, True)
    read_all(client)
    assert count_streamed_visits(valkey, each) == each + each + each
