"""PostgreSQL, Valkey or the store of texts refuses or hangs under a mix of requests, and comes back.

What needs the part answers 503 in time, the rest goes on, and nothing is restarted afterwards.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.faults.mixed_requests import READY, MixedRequests, TimedAnswer, assert_well_mannered
from tests.support.engines import Environment
from tests.support.gates import Gate, Gated, GatedStore
from tests.support.web import WebServer

NO_DATABASE = "503 database_unavailable"
NO_TEXTS = "503 text_store_unavailable"
PAGE = "503"

ALL_IS_WELL = {
    "create link": {"201"},
    "create paste": {"201"},
    "follow link": {"302"},
    "preview link": {"200"},
    "read raw": {"200"},
    # It was read before: its cached entry is in Redis, its text in the process.
    "read known raw": {"200"},
    "read page": {"200"},
    "get entry": {"200"},
    "follow changed link": {"302"},
    "change link": {"200"},
    "change text": {"200"},
    "delete": {"204"},
    "home page": {"200"},
    "live": {"200"},
    READY: {"200 ready: "},
}
WITHOUT_DATABASE = ALL_IS_WELL | {
    "create link": {NO_DATABASE},
    "create paste": {NO_DATABASE},
    "read raw": {NO_DATABASE},
    "read page": {PAGE},
    "get entry": {NO_DATABASE},
    "follow changed link": {NO_DATABASE},
    "change link": {NO_DATABASE},
    "change text": {NO_DATABASE},
    "delete": {NO_DATABASE},
    READY: {"503 unavailable: database"},
}
CHANGED = {"read raw", "read page", "get entry", "follow changed link"}
"""Reads of what the mix changes all the time: a tombstone is in Redis, or a cached entry if it was read
since."""
UNCACHED = ALL_IS_WELL | {READY: {"200 degraded: redis"}}
WITHOUT_REDIS_AND_DATABASE = WITHOUT_DATABASE | {
    "follow link": {NO_DATABASE},
    "read known raw": {NO_DATABASE},
    "preview link": {PAGE},
    READY: {"503 unavailable: database, redis"},
}
WITHOUT_TEXTS = ALL_IS_WELL | {
    "create paste": {NO_TEXTS},
    "read raw": {NO_TEXTS},
    "read page": {PAGE},
    "change text": {NO_TEXTS},
    READY: {"200 degraded: text_store"},
}


@pytest.fixture(scope="module")
def gated_web(gated: Gated, gated_s3: GatedStore) -> Iterator[WebServer]:
    """Every part of it is behind a gate."""
    with WebServer(gated_s3.environment | gated.ways) as server:
        yield server


def away(gate: Gate, manner: str) -> AbstractContextManager[None]:
    return gate.refusing() if manner == "refusing" else gate.hanging()


AssertMixDuring = Callable[..., None]


@pytest.fixture
def assert_mix_during(valkey: "redis.Redis[str]") -> AssertMixDuring:
    """Asserts what each kind of request gets during a fault, and that all is well soon after it."""
    return partial(_assert_mix_during, valkey)


def _assert_mix_during(
    valkey: "redis.Redis[str]",
    web: WebServer,
    fault: AbstractContextManager[object],
    expected: dict[str, set[str]],
    *,
    when_busy: dict[str, set[str]] | None = None,
    is_between_requests: bool = False,
) -> None:
    """`when_busy`: what may come besides, on a machine so busy that another part answers too late for a moment.

    `is_between_requests`: no request is under way when the fault begins.
    """

    def is_expected(answer: TimedAnswer) -> bool:
        return answer.kind in CHANGED or answer.outcome in expected[answer.kind]

    with MixedRequests(web, valkey) as mix:
        with ExitStack() as stack:
            with mix.silence() if is_between_requests else nullcontext():
                stack.enter_context(fault)
            broken_at = time.monotonic()
            mix.wait_for_all(is_expected, since=broken_at)
            mended_at = time.monotonic()
        recovered_after = mix.wait_for_all(lambda answer: answer.response.status_code < 400, since=mended_at)
    for kind, outcomes in mix.outcomes(since=broken_at, until=mended_at).items():
        if kind == READY:
            # On a busy machine another part may be too late, too, for a moment.
            assert all(_away(outcome) >= _away(*expected[READY]) for outcome in outcomes), outcomes
            continue
        allowed = expected[kind] | (ALL_IS_WELL[kind] if kind in CHANGED else set())
        assert outcomes <= allowed | (when_busy or expected)[kind], kind
    assert_well_mannered(mix.answers)
    slowest = mix.slowest(since=broken_at)
    print(f"slowest: {slowest.kind}, {slowest.outcome}, {slowest.seconds:.1f} s; well after {recovered_after:.1f} s")


def _away(outcome: str) -> set[str]:
    """The parts that readiness told to be away."""
    return set(outcome.partition(": ")[2].split(", "))


@pytest.mark.parametrize("manner", ["refusing", "hanging"])
def test_without_postgres_only_cached_entries_are_served(
    assert_mix_during: AssertMixDuring, gated: Gated, gated_web: WebServer, manner: str
) -> None:
    fault = away(gated.postgres, manner)
    assert_mix_during(gated_web, fault, WITHOUT_DATABASE, when_busy=WITHOUT_REDIS_AND_DATABASE)


@pytest.mark.parametrize("manner", ["refusing", "hanging"])
def test_without_valkey_everything_goes_on(
    assert_mix_during: AssertMixDuring, gated: Gated, gated_web: WebServer, manner: str
) -> None:
    assert_mix_during(gated_web, away(gated.valkey, manner), UNCACHED)


@pytest.mark.parametrize("manner", ["refusing", "hanging"])
def test_without_the_s3_server_links_go_on(
    assert_mix_during: AssertMixDuring, gated_s3: GatedStore, gated_web: WebServer, manner: str
) -> None:
    assert_mix_during(gated_web, away(gated_s3.store, manner), WITHOUT_TEXTS)


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "missing"])
def test_without_the_folder_of_texts_links_go_on(
    assert_mix_during: AssertMixDuring, environment: Environment, tmp_path: Path, is_replaced: bool
) -> None:
    folder = tmp_path / "texts"

    @contextmanager
    def moved_away() -> Iterator[None]:
        folder.rename(tmp_path / "away")
        if is_replaced:
            folder.write_text("a file where the folder should be")
        try:
            yield
        finally:
            if is_replaced:
                folder.unlink()
            (tmp_path / "away").rename(folder)

    with WebServer(environment | {"MAIN_BODY_STORE_URL": f"file://{folder}"}) as web:
        # A text that is being written would make the folder anew.
        assert_mix_during(web, moved_away(), WITHOUT_TEXTS, is_between_requests=True)


@contextmanager
def both_hanging(gated: Gated) -> Iterator[None]:
    with gated.postgres.hanging(), gated.valkey.hanging():
        yield


def test_postgres_and_valkey_that_hang_together_are_still_answered_in_time(
    assert_mix_during: AssertMixDuring, gated: Gated, gated_web: WebServer
) -> None:
    """Both hang at once when the connection to another machine is lost."""
    assert_mix_during(gated_web, both_hanging(gated), WITHOUT_REDIS_AND_DATABASE)
