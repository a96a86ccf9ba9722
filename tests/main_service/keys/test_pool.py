"""Where main_service takes keys from."""

import socket

import asyncpg
import pytest
import redis

from main_service.entries.aliases import RESERVED_WORDS
from main_service.keys.pool import ALPHABET, KEY_LENGTHS, KEYS_PER_TRIP, Pool, draw_key
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.web import WebServer


@pytest.fixture
def own_pool(environment: Environment) -> Environment:
    """A Redis database whose pools no other test touches."""
    url = environment["MAIN_REDIS_URL"].replace("db=4", "db=7")
    with redis.Redis.from_url(url) as connection:
        connection.flushdb()
    return environment | {"MAIN_REDIS_URL": url}


def fill(environment: Environment, pool: Pool, *keys: str) -> redis.Redis:
    connection = redis.Redis.from_url(environment["MAIN_REDIS_URL"], decode_responses=True)
    connection.sadd(pool.value, *keys)
    return connection


def test_links_and_pastes_take_ready_keys_from_their_pools(own_pool: Environment) -> None:
    links = {draw_key(7) for _ in range(3)}
    pastes = {draw_key(11) for _ in range(3)}
    fill(own_pool, Pool.LINK, *links)
    valkey = fill(own_pool, Pool.PASTE, *pastes)
    with WebServer(own_pool) as web:
        assert {create_link(web.client)["key"] for _ in range(3)} == links
        assert {create_paste(web.client)["key"] for _ in range(3)} == pastes
        assert valkey.exists("keys:link", "keys:paste") == 0
        assert len(create_link(web.client)["key"]) == KEY_LENGTHS[Pool.LINK]
        assert len(create_paste(web.client)["key"]) == KEY_LENGTHS[Pool.PASTE]


def test_a_trip_to_the_pool_brings_a_buffer_full(own_pool: Environment) -> None:
    valkey = fill(own_pool, Pool.LINK, *(draw_key(7) for _ in range(200)))
    with WebServer(own_pool) as web:
        create_link(web.client)
        assert valkey.scard("keys:link") == 200 - KEYS_PER_TRIP
        create_link(web.client)
        assert valkey.scard("keys:link") == 200 - KEYS_PER_TRIP


async def test_ended_key_is_never_given_again(own_pool: Environment, database: asyncpg.Connection) -> None:
    with WebServer(own_pool) as web:
        ended = create_link(web.client, alias=new_alias())
        web.client.delete(f"/api/v1/entries/{ended['key']}", headers=manage_headers(ended))
        fill(own_pool, Pool.PASTE, ended["key"])

        assert create_paste(web.client)["key"] != ended["key"]

        response = web.client.post(
            "/api/v1/links", json={"original_url": "https://example.org/", "alias": ended["key"]}
        )
        assert (response.status_code, response.json()["code"]) == (409, "alias_taken")
        assert web.client.get(f"/{ended['key']}").status_code == 410
        assert await database.fetchval("SELECT count(*) FROM entry WHERE key = $1", ended["key"]) == 1


def test_drawn_key_that_is_a_word_of_ours_is_passed_over(own_pool: Environment) -> None:
    assert "metrics" in RESERVED_WORDS
    assert set("metrics") <= set(ALPHABET)
    fill(own_pool, Pool.LINK, "metrics")
    with WebServer(own_pool) as web:
        assert create_link(web.client)["key"] != "metrics"


def test_hung_redis_does_not_stop_creating(own_pool: Environment) -> None:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with WebServer(own_pool | {"MAIN_REDIS_URL": address}) as web:
            assert len(create_link(web.client)["key"]) == 7
