"""Slipbin's web processes, on a socket that they share."""

import contextlib
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil

from benchmarks.processes import Child, running

BACKLOG = 2048


class WebService:
    """A listening socket, and any number of web processes on it. Who connects while there is none, waits."""

    def __init__(self, listener: socket.socket, folder: Path, *, settings: Mapping[str, str], core: int) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._listener = listener
        self._folder = folder
        # As the launcher has it; what is counted costs a little more this way.
        self._environment = {**settings, "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
        self._core = core
        (folder / "metrics").mkdir(exist_ok=True)

    @contextlib.contextmanager
    def process(self, name: str = "slipbin") -> Iterator[Child]:
        """One more web process, once it has answered.

        Raises:
            BenchmarkError: it does not start.
        """
        descriptor = self._listener.fileno()
        command = [sys.executable, "-m", "main_service", "serve", "--fd", str(descriptor)]
        with running(
            name, command, core=self._core, folder=self._folder, environment=self._environment, inherited=[descriptor]
        ) as child:
            child.wait_until(lambda: self._is_answered_by(child))
            yield child

    def _is_answered_by(self, child: Child) -> bool:
        """Others on the socket may have been faster."""
        try:
            with httpx.stream("GET", f"{self.url}/health/live", timeout=1, trust_env=False) as answer:
                port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
                held = psutil.Process(child.pid).net_connections("tcp")
                return any(each.raddr and each.raddr.port == port for each in held)
        except (httpx.TransportError, psutil.NoSuchProcess):
            return False


@contextlib.contextmanager
def web_service(folder: Path, *, settings: Mapping[str, str], core: int) -> Iterator[WebService]:
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        yield WebService(listener, folder, settings=settings, core=core)
