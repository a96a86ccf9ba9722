"""A real receiver of OTLP over HTTP, as a collector is: it keeps the spans it is sent, or hangs, or refuses."""

import gzip
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.support.waiting import eventually

ERROR = 2
"""The code of a failed span's status."""


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as it came; ids are hexadecimal."""

    service: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty: it has none."""
    name: str
    kind: int
    attributes: dict[str, Any]
    links: list[str]
    """The ids of the spans that it links to."""
    status: int
    started_ns: int
    ended_ns: int


class Receiver:
    """What came, in the order of its arrival."""

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.bodies: list[bytes] = []
        """Each request's body, as bytes of protobuf."""
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.is_open = threading.Event()
        """While it is not set, requests are accepted and not answered."""
        self.is_open.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                receiver.is_open.wait()
                if receiver.status == 200:
                    assert self.path == "/v1/traces"
                    is_packed = self.headers.get("Content-Encoding") == "gzip"
                    receiver.take(gzip.decompress(body) if is_packed else body)
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _plain(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                self.spans += [
                    ReceivedSpan(
                        service=resource["service.name"],
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        name=span.name,
                        kind=span.kind,
                        attributes=_plain(span.attributes),
                        links=[link.span_id.hex() for link in span.links],
                        status=span.status.code,
                        started_ns=span.start_time_unix_nano,
                        ended_ns=span.end_time_unix_nano,
                    )
                    for span in scope_spans.spans
                ]

    def close(self) -> None:
        self.is_open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Requests are accepted, and answered only afterwards."""
        self.is_open.clear()
        try:
            yield
        finally:
            self.is_open.set()

    def find(self, **wanted: Any) -> list[ReceivedSpan]:
        """The spans with these values of fields."""
        found = list(self.spans)
        return [span for span in found if all(getattr(span, name) == value for name, value in wanted.items())]

    def wait_for(self, what: str, find: Callable[[Sequence[ReceivedSpan]], Any]) -> Any:
        """What `find` makes of the spans, once it is true."""
        return eventually(lambda: find(list(self.spans)), what)

    def wait_for_span(self, name: str, **wanted: Any) -> ReceivedSpan:
        """The last span with this name and these values."""
        return eventually(lambda: self.find(name=name, **wanted), f"a span {name!r} with {wanted}")[-1]

    def children(self, span: ReceivedSpan) -> list[ReceivedSpan]:
        """The spans directly below a span, in the order in which they began."""
        return sorted(self.find(trace_id=span.trace_id, parent_id=span.span_id), key=lambda child: child.started_ns)

    def tree(self, span: ReceivedSpan, depth: int = 0) -> list[str]:
        """The names of a span and all below it, indented by two blanks for each level."""
        lines = ["  " * depth + span.name]
        for child in self.children(span):
            lines += self.tree(child, depth + 1)
        return lines


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
