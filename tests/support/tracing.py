"""The service while it sends all its spans to a receiver of the test."""

from typing import NamedTuple

import httpx

from tests.support.engines import Environment
from tests.support.otlp_receiver import ReceivedSpan, Receiver
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


def span_of(traced: Traced, name: str, *, answer: httpx.Response) -> ReceivedSpan:
    """The span of the request that was answered with this problem."""
    return traced.receiver.wait_for_span(name, trace_id=answer.json()["trace_id"])


def new_root(traced: Traced, name: str, *, since_ns: int) -> ReceivedSpan:
    """The span of the only request that began since then, in ns since 1970. Spans of earlier ones may still arrive."""
    [root] = traced.receiver.wait_for(
        f"a new {name}", lambda spans: [it for it in spans if it.name == name and it.started_ns >= since_ns]
    )
    assert isinstance(root, ReceivedSpan)
    return root
