"""`/metrics` while engines hang: it answers in time, tells which are down, and leaves out what they would have told."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from main_service.operations.engine_metrics import ASK_SECONDS
from tests.support.gates import Gated, GatedStore
from tests.support.metrics import METRICS_TOKEN, read_metrics
from tests.support.waiting import eventually
from tests.support.web import WebServer

PARTS = ("database", "redis", "text_store")


@pytest.fixture(scope="module")
def web(gated: Gated, gated_s3: GatedStore) -> Iterator[WebServer]:
    """A process of which any engine may be away."""
    with WebServer(gated_s3.environment | gated.ways | {"MAIN_METRICS_TOKEN": METRICS_TOKEN}) as server:
        yield server


def up(told: dict[str, float]) -> dict[str, float]:
    return {part: told[f'slipbin_part_up{{part="{part}"}}'] for part in PARTS}


def is_whole(web: WebServer) -> bool:
    return set(up(read_metrics(web.client)).values()) == {1}


def read_until(web: WebServer, wanted: dict[str, float]) -> dict[str, float]:
    """What it tells once those parts are up, and no others."""

    def find() -> dict[str, float] | None:
        told = read_metrics(web.client)
        return told if up(told) == wanted else None

    return eventually(find, f"parts as in {wanted}")


@pytest.mark.parametrize("hanging", PARTS)
def test_part_that_hangs_is_told_as_down_and_the_others_as_usual(
    web: WebServer, gated: Gated, gated_s3: GatedStore, hanging: str
) -> None:
    eventually(lambda: is_whole(web), "all parts")
    gate = {"database": gated.postgres, "redis": gated.valkey, "text_store": gated_s3.store}[hanging]

    with gate.hanging():
        # On a busy machine another part may be too late, too, for a moment.
        told = read_until(web, {part: float(part != hanging) for part in PARTS})

    assert told[f'slipbin_part_check_seconds{{part="{hanging}"}}'] == ASK_SECONDS
    assert ("slipbin_stale_keys" in told) == (hanging != "database")
    assert ("slipbin_visit_stream_length" in told) == (hanging != "redis")
    assert ('slipbin_queue_length{queue="main_service"}' in told) == (hanging != "redis")
    assert told['slipbin_processes{role="web"}'] == 1


def test_all_parts_may_hang(web: WebServer, gated: Gated, gated_s3: GatedStore) -> None:
    eventually(lambda: is_whole(web), "all parts")

    with gated.postgres.hanging(), gated.valkey.hanging(), gated_s3.store.hanging():
        told = read_metrics(web.client)

    assert up(told) == dict.fromkeys(PARTS, 0.0)
    assert told['slipbin_processes{role="web"}'] == 1


def test_scrapes_at_the_same_time_share_one_asking(web: WebServer, gated: Gated) -> None:
    def is_shared() -> bool:
        eventually(lambda: is_whole(web), "all parts")
        # It makes the asking last.
        with gated.postgres.hanging(), ThreadPoolExecutor(4) as threads:
            scrapes = list(threads.map(lambda _: read_metrics(web.client), range(4)))
        [first, *others] = [told['slipbin_part_check_seconds{part="redis"}'] for told in scrapes]
        return first < ASK_SECONDS and all(each == first for each in others)

    # On a busy machine one of them may come when the asking of the others is over.
    eventually(is_shared, "an asking that all share")
    eventually(lambda: is_whole(web), "all parts")
