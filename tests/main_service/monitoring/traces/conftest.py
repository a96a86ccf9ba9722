"""A receiver of traces, and the service sending it all its spans."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Environment
from tests.support.otlp_receiver import Receiver, otlp_receiver
from tests.support.raw_http import LoggedWebServer
from tests.support.tracing import Traced, traces_to
from tests.support.workers import SLOW_QUEUE, main_worker


@pytest.fixture(scope="module")
def trace_receiver() -> Iterator[Receiver]:
    with otlp_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def traced(environment: Environment, trace_receiver: Receiver, folder: Path) -> Iterator[Traced]:
    own = environment | traces_to(trace_receiver, MAIN_SMTP_URL=f"file://{folder}/traced-outbox")
    with LoggedWebServer(own) as web:
        yield Traced(own, trace_receiver, web)


@pytest.fixture(scope="module")
def traced_quick_worker(traced: Traced, folder: Path) -> Iterator[None]:
    with main_worker(traced.environment, folder / "quick.log"):
        yield


@pytest.fixture(scope="module")
def traced_slow_worker(traced: Traced, folder: Path) -> Iterator[None]:
    with main_worker(traced.environment, folder / "slow.log", kind=SLOW_QUEUE):
        yield
