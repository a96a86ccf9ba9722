"""Web processes of main_service on free ports, and clients that ask them."""

import signal
import socket
import subprocess
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any
from uuid import uuid4

import httpx
import psutil

from tests.support import forking
from tests.support.engines import START_SECONDS, full
from tests.support.waiting import eventually

Process = forking.Forked | subprocess.Popen[bytes]


def is_held_by(process: Process, port: int) -> bool:
    """Whether the process has the connection that came from this local port."""
    held = psutil.Process(process.pid).net_connections("tcp")
    return any(each.raddr and each.raddr.port == port for each in held)


class Client(httpx.Client):
    """A client that knows the database of its server, for what a test needs there beforehand."""

    def __init__(self, address: str, database_url: str) -> None:
        # Reading the certificates of authorities would take longer than most tests, and nothing here speaks TLS.
        super().__init__(base_url=address, timeout=30, trust_env=False, verify=False)
        self.database_url = database_url


class WebServer:
    """Web processes of main_service that share one listening socket, as the launcher runs them.

    `shows_own_address`: the addresses it shows can be opened; else they are those of MAIN_PUBLIC_URL.
    `log`: an open file that gets what they write to standard error.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        processes: int = 1,
        shows_own_address: bool = False,
        log: IO[Any] | None = None,
    ) -> None:
        self._environment = full(environment)
        self._log = log
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        if shows_own_address:
            self._environment["MAIN_PUBLIC_URL"] = self.address
        self.processes = [self._start() for _ in range(processes)]
        self.client = self.new_client()
        try:
            for process in self.processes:
                self.wait_for(process)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "WebServer":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.client.close()
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._listener.close()

    def new_client(self) -> Client:
        """A client with connections and cookies of its own."""
        return Client(self.address, self._environment["MAIN_DATABASE_URL"])

    def kill(self, *numbers: int) -> None:
        """`kill -9` of some of the processes at once, by their place in `processes`; others come in their place."""
        for number in numbers:
            self.processes[number].kill()
        for number in numbers:
            self.processes[number].wait()
            self.processes[number] = self._start()

    def _start(self) -> Process:
        descriptor = self._listener.fileno()
        command = ("-m", "main_service", "serve", "--fd", str(descriptor))
        return forking.start(*command, environment=self._environment, pass_fds=[descriptor], stderr=self._log)

    def wait_for(self, process: Process) -> None:
        """Wait until this one of the processes has answered: the others may have been faster so far."""
        eventually(lambda: self._has_answered(process), "an answer of the web process", seconds=START_SECONDS)

    def _has_answered(self, process: Process) -> bool:
        assert all(process.poll() is None for process in self.processes), "a web process ended at its start"
        try:
            # A kept connection would be answered by the same process again.
            with self.new_client() as client, client.stream("GET", "/static/favicon.svg", timeout=1) as answer:
                port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
                return answer.status_code == 200 and (len(self.processes) == 1 or is_held_by(process, port))
        except httpx.TransportError:
            return False


def use_new_address(client: httpx.Client) -> None:
    """Let a server that trusts 127.0.0.1 take the client for one of an address that no client has used."""
    digits = uuid4().hex
    client.headers["X-Forwarded-For"] = f"2001:db8:{digits[:4]}:{digits[4:8]}::1"
