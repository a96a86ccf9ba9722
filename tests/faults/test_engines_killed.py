"""The real thing: PostgreSQL and Valkey are killed and stand still, and Swift stops and stands still, under the mix.

Gates are kinder than a kernel: they can neither lose what was not yet on disk nor leave a half-open connection.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from tests.faults.mixed_requests import MixedRequests, assert_well_mannered
from tests.support.engines import Environment, run_main, running_engines, temporary_folder, wait_for_valkey
from tests.support.frozen import frozen
from tests.support.swift_server import SwiftServer, swift_server
from tests.support.web import WebServer

RECOVERY_SECONDS = 90.0
"""The launcher starts the engine again, PostgreSQL reads its log, and everything works again."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="module")
def engine_environment(folder: Path) -> Iterator[Environment]:
    with running_engines(folder) as settings:
        yield settings


@pytest.fixture(scope="module")
def own_swift(folder: Path) -> Iterator[SwiftServer]:
    with swift_server(folder / "swift") as server:
        yield server


@pytest.fixture(scope="module")
def environment(engine_environment: Environment, own_swift: SwiftServer) -> Environment:
    settings = engine_environment | {
        "MAIN_BODY_STORE_URL": "s3://texts/bodies",
        "MAIN_BODY_STORE_ENDPOINT": own_swift.endpoint_url,
        "AWS_ACCESS_KEY_ID": own_swift.access_key_id,
        "AWS_SECRET_ACCESS_KEY": own_swift.secret_access_key,
    }
    run_main("migrate", environment=settings)
    return settings


@pytest.fixture(scope="module")
def web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment) as server:
        yield server


def postgres(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data/postgres/postmaster.pid").read_text().split()[0]))


def valkey_server(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data/run/valkey.pid").read_text().split()[0]))


def assert_recovers(mix: MixedRequests, since: float) -> None:
    seconds = mix.wait_for_all(lambda answer: answer.response.status_code < 400, since=since)
    print(f"well after {seconds:.1f} s; slowest {mix.slowest().seconds:.1f} s ({mix.slowest().kind})")
    assert seconds < RECOVERY_SECONDS


def test_every_create_that_was_answered_outlives_kill_of_postgres(
    web: WebServer, folder: Path, valkey: redis.Redis
) -> None:
    with MixedRequests(web, valkey) as mix:
        postgres(folder).kill()
        assert_recovers(mix, time.monotonic())
    assert_well_mannered(mix.answers)
    made = {
        answer.response.json()["key"]
        for answer in mix.answers
        if answer.kind == "create link" and answer.response.status_code == 201
    }
    assert made
    for key in made:
        assert web.client.get(f"/{key}").status_code == 302


def test_kill_of_valkey_is_noticed_by_no_request(web: WebServer, folder: Path, valkey: redis.Redis) -> None:
    with MixedRequests(web, valkey) as mix:
        valkey_server(folder).kill()
        killed_at = time.monotonic()
        mix.wait_for_all(since=killed_at)
        wait_for_valkey(valkey, seconds=RECOVERY_SECONDS)
        assert_recovers(mix, time.monotonic())
    assert_well_mannered(mix.answers)
    assert {answer.response.status_code for answer in mix.answers} <= {200, 201, 204, 302}


def test_valkey_that_stands_still_slows_requests_down_and_fails_none(
    web: WebServer, folder: Path, valkey: redis.Redis
) -> None:
    with MixedRequests(web, valkey) as mix:
        with frozen(valkey_server(folder)):
            mix.wait_for_all(since=time.monotonic())
        assert_recovers(mix, time.monotonic())
    assert_well_mannered(mix.answers)
    assert {answer.response.status_code for answer in mix.answers} <= {200, 201, 204, 302}


def test_s3_server_that_stands_still_and_then_stops_takes_only_texts_away(
    web: WebServer, own_swift: SwiftServer, valkey: redis.Redis
) -> None:
    with MixedRequests(web, valkey) as mix:
        broken_at = time.monotonic()
        own_swift.pause()
        mix.wait_for_all(since=time.monotonic())
        own_swift.stop()
        mix.wait_for_all(since=time.monotonic())
        ended_at = time.monotonic()
        own_swift.start()
        assert_recovers(mix, time.monotonic())
    assert_well_mannered(mix.answers)
    outcomes = mix.outcomes(since=broken_at, until=ended_at)
    refused = {kind for kind, answers in outcomes.items() if any(answer.startswith("503") for answer in answers)}
    # Pages are kept in memory; one that isn't there any more is refused.
    assert refused - {"read page"} == {"create paste", "change text", "read raw"}
