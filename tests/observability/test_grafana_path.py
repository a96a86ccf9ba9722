"""Grafana under a path of the gateway: a real nginx passes it on only if SLIPBIN_GRAFANA_PATH is set."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from deploy.gateway.settings import GatewaySettings
from tests.observability.local_gateway import local_gateway, reserved_addresses


class Answers(BaseHTTPRequestHandler):
    """Answers with the server's name, the path and the host it was asked for."""

    def do_GET(self) -> None:
        body = f"{self.server.name} {self.path} {self.headers['Host']}".encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(name: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.name = name  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def gateway(folder: Path, **settings: str) -> Iterator[httpx.Client]:
    """A client of the gateway, behind which a server says that it is the web process, and one that it is Grafana."""
    with (
        answering("web") as web,
        answering("grafana") as grafana,
        reserved_addresses() as at,
        local_gateway(folder, at, web=web, grafana=grafana, **settings),
        httpx.Client(base_url=f"http://{at.http}", trust_env=False, timeout=60) as client,
    ):
        yield client


def test_grafana_is_not_passed_on_unless_it_is_asked_for(tmp_path: Path) -> None:
    with gateway(tmp_path) as client:
        assert client.get("/grafana/login").text.startswith("web /grafana/login ")


def test_grafana_is_passed_on_with_its_path_and_host(tmp_path: Path) -> None:
    with gateway(tmp_path, SLIPBIN_GRAFANA_PATH="/grafana/") as client:
        host = f"127.0.0.1:{client.base_url.port}"
        assert (
            client.get("/grafana/d/slipbin-service?from=now").text
            == f"grafana /grafana/d/slipbin-service?from=now {host}"
        )
        assert client.get("/grafana").headers["location"].endswith("/grafana/")
        assert client.get("/our-picnic").text.startswith("web ")


@pytest.mark.parametrize("path", ["grafana", "/", "/grafana", "/graf ana/", "/a/; deny all/", "/a/\n}"])
def test_a_path_that_nginx_would_misread_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="grafana_path"):
        GatewaySettings(grafana_path=path)
