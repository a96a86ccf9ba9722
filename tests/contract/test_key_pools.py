"""What the two services have agreed on: the only file that imports both."""

import redis

import keygen_service.alphabet
import keygen_service.pool
import main_service.keys.pool
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.web import WebServer


def test_pools_have_the_same_names_and_key_lengths() -> None:
    agreed = {"keys:link": 7, "keys:paste": 11}

    assert {pool.name: pool.key_length for pool in keygen_service.pool.POOLS} == agreed
    assert {pool.value: length for pool, length in main_service.keys.pool.KEY_LENGTHS.items()} == agreed


def test_both_draw_from_the_same_letters() -> None:
    assert main_service.keys.pool.ALPHABET == keygen_service.alphabet.ALPHABET


def test_what_one_fills_the_other_takes(environment: Environment) -> None:
    url = environment["MAIN_REDIS_URL"].replace("db=0", "db=9")
    with redis.Redis.from_url(url, decode_responses=True) as valkey:
        valkey.flushdb()
        keygen_service.pool.KeyPools(valkey, pool_size=100).top_up()
        links, pastes = valkey.smembers("keys:link"), valkey.smembers("keys:paste")
        with WebServer(environment | {"MAIN_REDIS_URL": url}) as web:
            assert create_link(web.client)["key"] in links
            assert create_paste(web.client)["key"] in pastes
        assert valkey.scard("keys:link") == valkey.scard("keys:paste") == 100 - main_service.keys.pool.KEYS_PER_TRIP
