"""The membership filter: what was surely never used is answered without PostgreSQL, and what was used is found."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import asyncpg
import httpx
import pytest
import redis

from main_service.keys.filter_rebuild import FilterRebuild
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.gates import Gated
from tests.support.key_filter import clear_cache, open_filter, rebuild_filter, reset_filter, without_postgres
from tests.support.load import CreatingClients
from tests.support.pages import created_key, send_form
from tests.support.visits import count_streamed_visits
from tests.support.waiting import eventually
from tests.support.web import WebServer
from tests.support.workers import run_task

PAIRS = 1_000
PAUSE_SECONDS = 0.02
LONGEST_CREATE = timedelta(seconds=10)


async def test_unknown_key_is_answered_without_postgres_once_the_filter_is_complete(
    environment: Environment, client: httpx.Client, cut_off: WebServer, valkey: redis.Redis
) -> None:
    reset_filter(valkey)
    link = create_link(client)
    unknown = new_alias()
    assert cut_off.client.get(f"/{unknown}").status_code == 503, "while it is incomplete no reader is refused"
    assert cut_off.client.get(f"/{link['key']}").status_code == 503

    await rebuild_filter(environment)

    for path in (f"/{unknown}", f"/{unknown}/raw", f"/{unknown}+", f"/{unknown}/qr.svg", f"/api/v1/entries/{unknown}"):
        answer = cut_off.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert cut_off.client.get(f"/{link['key']}").status_code == 503
    assert client.get(f"/{unknown}").json() == cut_off.client.get(f"/{unknown}").json()


async def test_whatever_makes_an_entry_makes_its_key_known(
    complete: None, client: httpx.Client, cut_off: WebServer
) -> None:
    aliases = [new_alias() for _ in range(3)]
    made = [
        create_link(client)["key"],
        create_paste(client)["key"],
        create_paste(client, views=1)["key"],
        create_link(client, alias=aliases[0])["key"],
        create_paste(client, alias=aliases[1], headers={"Idempotency-Key": new_alias()})["key"],
    ]
    created_key(send_form(client, "/?kind=link", "/links", original_url="https://a.example/", alias=aliases[2]))
    for key in (*made, *aliases):
        assert cut_off.client.get(f"/{key}").status_code == 503, "it may have been used, says the filter"


async def test_key_is_known_before_its_row_is_there(
    complete: None, gated: Gated, environment: Environment, cut_off: WebServer
) -> None:
    alias = new_alias()
    with (
        WebServer(gated.environment) as slow,
        gated.postgres.stop_at(b"INSERT INTO entry", hold="request") as stop,
        ThreadPoolExecutor(1) as pool,
    ):
        assert cut_off.client.get(f"/{alias}").status_code == 404
        answer = pool.submit(create_link, slow.client, alias=alias)
        stop.wait()

        assert cut_off.client.get(f"/{alias}").status_code == 503

        stop.release()
        assert answer.result()["key"] == alias


async def test_key_is_found_in_another_process_at_once_a_thousand_times_also_during_a_rebuild(
    complete: None, environment: Environment, web: WebServer, reader: WebServer, valkey: redis.Redis, cut_off: WebServer
) -> None:
    crowd = CreatingClients(web, reader, pause_seconds=PAUSE_SECONDS)
    async with open_filter(environment) as known:
        with crowd:
            await crowd.wait_for(PAIRS // 2)
            reset_filter(valkey)
            await known.rebuild(FilterRebuild(longest_create=LONGEST_CREATE))
            await crowd.wait_for(max(PAIRS, len(crowd.found) + PAIRS // 10))
    assert crowd.slowest_create_seconds < LONGEST_CREATE.total_seconds()
    assert crowd.lost == []
    assert cut_off.client.get(f"/{new_alias()}").status_code == 404, "the filter is in use"
    async with open_filter(environment) as known:
        assert not any([await known.resources.key_filter.is_surely_unused(key) for key in crowd.found])


async def test_ended_entry_stays_410(
    environment: Environment, client: httpx.Client, cut_off: WebServer, valkey: redis.Redis
) -> None:
    link = create_link(client)
    assert client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).status_code == 204
    reset_filter(valkey)
    await rebuild_filter(environment)
    clear_cache(valkey)

    assert client.get(f"/{link['key']}").status_code == 410
    assert cut_off.client.get(f"/{new_alias()}").status_code == 404


async def test_key_whose_create_could_not_reach_redis_is_known_after_the_next_replay(
    complete: None, gated: Gated, environment: Environment, client: httpx.Client, valkey: redis.Redis
) -> None:
    alias = new_alias()
    with WebServer(gated.environment) as lonely, gated.valkey.refusing():
        assert create_link(lonely.client, alias=alias)["key"] == alias
        assert lonely.client.get(f"/{alias}").status_code == 302

    run_task("heal_copies", environment=environment)
    clear_cache(valkey)

    assert client.get(f"/{alias}").status_code == 302


@pytest.mark.parametrize(("name", "value"), [("min-replicas-to-write", "1"), ("maxmemory", "1")])
async def test_redis_that_takes_no_writes_refuses_no_reader(
    complete: None, client: httpx.Client, valkey: redis.Redis, name: str, value: str
) -> None:
    ordinary = valkey.config_get(name)[name]
    valkey.config_set(name, value)
    try:
        with pytest.raises(redis.RedisError):
            valkey.set("anything", "x")
        keys = [create_link(client)["key"] for _ in range(20)]
        assert {client.get(f"/{key}").status_code for key in keys} == {302}
    finally:
        valkey.config_set(name, ordinary)
    if name == "maxmemory":
        assert {client.get(f"/{key}").status_code for key in keys} == {302}, "no memory is needed to add a key"
    # Before the next test, which may look at all that Redis has.
    eventually(lambda: count_streamed_visits(valkey, keys).keys() == set(keys), "the visits that waited for Redis")


async def test_other_secret_begins_another_filter(
    complete: None, environment: Environment, client: httpx.Client, cut_off: WebServer, valkey: redis.Redis
) -> None:
    """All keys have other bits then."""
    link = create_link(client)
    with WebServer(without_postgres(environment) | {"MAIN_SECRET": "another-secret-0123456789-abcdefgh"}) as other:
        assert other.client.get(f"/{link['key']}").status_code == 503
        assert other.client.get(f"/{new_alias()}").status_code == 503
    assert cut_off.client.get(f"/{new_alias()}").status_code == 503, "no process relies on what some have not added to"


async def test_redis_that_does_not_tell_its_run_has_no_filter_and_hinders_no_one(
    complete: None, environment: Environment, client: httpx.Client, valkey: redis.Redis, database: asyncpg.Connection
) -> None:
    valkey.acl_setuser("silent", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-info"])
    address = environment["MAIN_REDIS_URL"].replace("unix://", "unix://silent:x@")
    with WebServer(without_postgres(environment) | {"MAIN_REDIS_URL": address}) as silent:
        assert silent.client.get(f"/{new_alias()}").status_code == 503
    with WebServer(environment | {"MAIN_REDIS_URL": address}) as silent:
        link = create_link(silent.client)
        assert await database.fetchval("SELECT count(*) FROM stale_key WHERE key = $1", link["key"]) == 0
        assert client.get(f"/{link['key']}").status_code == 302
