"""The service while it sends all its spans to a receiver of the test."""

from typing import NamedTuple

import httpx

from tests.support.engines import Environment
from tests.support.otlp_receiver import Receiver
from tests.support.web import Client, WebServer

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
