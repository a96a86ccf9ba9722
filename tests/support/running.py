"""Starts the real thing for tests: the engines through the launcher, and web processes on free ports."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import httpx
import psutil

from tests.support import forking

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
SECRET = "a-secret-of-the-tests-0123456789-abcdefgh"

Environment = dict[str, str]
LIMITS = ("CREATES", "BYTES", "REGISTRATIONS", "EMAILS", "EMAILS_PER_RECIPIENT", "STATISTICS", "EXPORTS")
NO_LIMITS = {f"MAIN_LIMIT_{name}": "" for name in LIMITS}
Process = forking.Forked | subprocess.Popen[bytes]


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder with a short name, because the engines' sockets lie in it, that an unprivileged user can reach."""
    with tempfile.TemporaryDirectory(prefix="slipbin-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def running_engines(folder: Path) -> Iterator[Environment]:
    """PostgreSQL and Valkey below `folder`, migrated; yields the environment that main_service and keygen need.

    The launcher stops when its standard input closes, so nothing outlives a test run that is killed.
    """
    launcher = subprocess.Popen(
        [sys.executable, "-m", "launcher", "engines", "--data", str(folder / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    try:
        environment: Environment = {
            "MAIN_SECRET": SECRET,
            "MAIN_PUBLIC_URL": "http://slipbin.test",
            # All tests ask from one address.
            "MAIN_UNKNOWN_KEYS_PER_MINUTE": "1000000",
            **NO_LIMITS,
            # The disk of who runs the tests may be nearly full.
            "MAIN_BODY_STORE_MIN_FREE_BYTES": "0",
        }
        for line in launcher.stdout:
            if line.strip() == "ready":
                break
            name, _, value = line.strip().partition("=")
            environment[name] = value
        assert launcher.poll() is None, "the engines did not start"
        run_main("migrate", environment=environment)
        yield environment
    finally:
        launcher.stdin.close()
        launcher.stdout.close()
        launcher.wait(START_SECONDS)


def run_main(*arguments: str, environment: Mapping[str, str]) -> str:
    """Run a command of main_service to its end; return what it printed."""
    command = ("-m", "main_service", *arguments)
    done = forking.run(*command, environment=full(environment), timeout=START_SECONDS)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr.decode()}"
    return done.stdout.decode()


def full(environment: Mapping[str, str]) -> Environment:
    """`environment` over what a process needs to run at all, without settings of whoever runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAIN_", "KEYGEN_", "AWS_"))}
    return {**inherited, "SLIPBIN_ENV_FILE": "", **environment}


def is_held_by(process: Process, port: int) -> bool:
    """Whether the process has the connection that came from this local port."""
    held = psutil.Process(process.pid).net_connections("tcp")
    return any(each.raddr and each.raddr.port == port for each in held)


class Client(httpx.Client):
    """Knows the database of who answers it, for what a test needs there beforehand."""

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
        """Until this one of the processes has answered: the others may have been faster so far."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert all(process.poll() is None for process in self.processes), "a web process ended at its start"
            try:
                # A kept connection would be answered by the same process again.
                with self.new_client() as client, client.stream("GET", "/static/slipbin.css", timeout=1) as answer:
                    port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
                    if answer.status_code == 200 and (len(self.processes) == 1 or is_held_by(process, port)):
                        return
            except httpx.TransportError:
                continue
        raise AssertionError("the web process does not answer")
