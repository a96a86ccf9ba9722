"""A receiver of traces, and the service sending it all its spans."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.support.engines import Environment
from tests.support.otlp_receiver import Receiver, otlp_receiver
from tests.support.raw_http import LoggedWebServer
from tests.support.web import Client, WebServer
from tests.support.workers import SLOW_QUEUE, main_worker

PROXY = "127.0.0.2"
"""The address of a trusted proxy; everything else comes from 127.0.0.1."""


class Traced(NamedTuple):
    """The service while it is traced."""

    environment: Environment
    receiver: Receiver
    web: WebServer

    @property
    def client(self) -> Client:
        return self.web.client

    def from_proxy(self) -> httpx.Client:
        """A client that connects from the address of the trusted proxy."""
        transport = httpx.HTTPTransport(local_address=PROXY)
        return httpx.Client(base_url=self.web.address, transport=transport, timeout=30)


def traces_to(receiver: Receiver, **more: str) -> dict[str, str]:
    """The environment of a process that sends its spans to the receiver soon."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "MAIN_TRUSTED_PROXIES": PROXY,
        **more,
    }


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def traced(environment: Environment, receiver: Receiver, folder: Path) -> Iterator[Traced]:
    own = environment | traces_to(receiver, MAIN_SMTP_URL=f"file://{folder}/traced-outbox")
    with LoggedWebServer(own) as web:
        yield Traced(own, receiver, web)


@pytest.fixture(scope="module")
def quick_worker(traced: Traced, folder: Path) -> Iterator[None]:
    with main_worker(traced.environment, folder / "quick.log"):
        yield


@pytest.fixture(scope="module")
def slow_worker(traced: Traced, folder: Path) -> Iterator[None]:
    with main_worker(traced.environment, folder / "slow.log", kind=SLOW_QUEUE):
        yield
