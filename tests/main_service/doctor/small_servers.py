"""Servers that answer, but not as they should: for the checks of the doctor."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Handler(http.server.BaseHTTPRequestHandler):
    status = 200
    location: str | None = None
    body = b"other"

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.location:
            self.send_header("Location", self.location)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web_page(
    *, status: int = 200, location: str | None = None, body: bytes = b"other", tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A web server that is not Slipbin; yields its URL."""
    handler = type("Handler", (_Handler,), {"status": status, "location": location, "body": body})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
