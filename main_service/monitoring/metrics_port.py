"""The metrics on a port of their own, without a token, for a Prometheus on the same machine or network.

Of processes that share a folder one listens: the one that has the lock of the port. When it ends, another does.
"""

import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from main_service.monitoring.exposition import MEDIA_TYPE
from main_service.monitoring.metrics_files import find_folder

logger = logging.getLogger(__name__)

CLIENT_SECONDS = 10
RETRY_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.5


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # The library would look up the host name, which may take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "metrics", int(self.server_address[1])
        self.setup_environ()


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_SECONDS

    def log_message(self, *_: object) -> None:
        """Write no access log."""


def listen(host: str, port: int, render: Callable[[], bytes]) -> None:
    """Serve `GET /metrics` in a thread until the process ends. `render`: makes the text; called in a thread.

    If the port is taken, the log says so, and it is tried again every few seconds.
    """
    threading.Thread(target=_listen, args=(host, port, render), name="metrics port", daemon=True).start()


def _listen(host: str, port: int, render: Callable[[], bytes]) -> None:
    folder = find_folder()
    if folder is not None:
        # Kept until the process ends.
        fcntl.flock(os.open(folder / f"port_{port}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600), fcntl.LOCK_EX)
    attempts = 0
    while True:
        try:
            server = make_server(host, port, _app(render), _IPv6Server if ":" in host else _Server, _Handler)
            break
        except OSError as error:
            attempts += 1
            # The lock of a process that is killed may end before its socket does.
            if attempts == 2:
                logger.error("Metrics can't be served at %s port %d: %s", host, port, error.strerror)
            time.sleep(RETRY_SECONDS if attempts > 1 else FIRST_RETRY_SECONDS)
    server.serve_forever()


def _app(render: Callable[[], bytes]) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, body = HTTPStatus.OK, b""
        if environ["PATH_INFO"] != "/metrics":
            status = HTTPStatus.NOT_FOUND
        elif environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            status = HTTPStatus.METHOD_NOT_ALLOWED
        else:
            try:
                body = render()
            except Exception:
                logger.exception("The metrics can't be told")
                status = HTTPStatus.INTERNAL_SERVER_ERROR
        media_type = MEDIA_TYPE if status is HTTPStatus.OK else "text/plain"
        headers = [("Content-Type", media_type), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return answer
