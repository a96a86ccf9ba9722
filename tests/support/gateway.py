"""A real nginx with the configuration of deploy/gateway, in front of web processes of the tests."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

from tests.support import forking
from tests.support.engines import REPOSITORY, Environment, full
from tests.support.ports import reserved_port
from tests.support.tools import needs
from tests.support.waiting import eventually
from tests.support.web import Client, Process, WebServer

PUBLIC_URL = "http://slipbin.test"
TRUSTED = {"MAIN_GATEWAY": "127.0.0.1"}
"""What web processes must be told of the gateways of the tests."""


def find_nginx() -> str:
    """The program. Without it, the test is skipped; it fails where CI runs the tests, which installs it."""
    return needs("nginx", "nginx")


def write_gateway(folder: Path, *arguments: object, settings: Environment) -> "subprocess.CompletedProcess[str]":
    """Run `python -m deploy.gateway` to its end."""
    command = map(str, [folder, *arguments])
    return forking.run_text("-m", "deploy.gateway", *command, environment=full(settings), timeout=120)


def _name_of(process: psutil.Process) -> str | None:
    """None if it has ended meanwhile."""
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return None


class ContainedWebServer(WebServer):
    """A web process whose address refuses connections once it has ended, as that of a container does."""

    def _start(self) -> Process:
        if not hasattr(self, "_held"):
            self._held = socket.socket()
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            address = self._listener.getsockname()
            self._listener.close()
            # It never listens, but keeps the port.
            self._held.bind(address)
        self._listener = socket.create_server(self._held.getsockname())
        process = super()._start()
        self._listener.close()
        return process

    def restart(self) -> None:
        """Start a process after the one of before has ended, and wait for it."""
        self.processes[0] = self._start()
        self.wait_for(self.processes[0])

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._held.close()


class Gateway:
    """nginx in front of `webs`, on ports of its own. Settings are those of deploy.gateway."""

    def __init__(
        self,
        folder: Path,
        webs: Sequence[WebServer],
        *,
        settings: Environment | None = None,
        certificates: Path | None = None,
        challenges: Path | None = None,
        watch_seconds: float = 3600,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        """`changes`: what is written differently in the configuration, such as times that no test can wait for."""
        self._nginx = find_nginx()
        self._stack = ExitStack()
        http, https, status = (self._stack.enter_context(reserved_port()) for _ in range(3))
        self.folder = folder
        self.certificates = certificates
        self._settings = {"MAIN_PUBLIC_URL": PUBLIC_URL, "SLIPBIN_GATEWAY_PROCESSES": "1", **(settings or {})}
        self._database_url = webs[0].client.database_url if webs else ""
        addresses = [web.address.removeprefix("http://") for web in webs] or ["127.0.0.1:1"]
        self._arguments: list[object] = [
            *("--http", f"127.0.0.1:{http}", "--https", f"127.0.0.1:{https}", "--status", f"127.0.0.1:{status}"),
            *(part for address in addresses for part in ("--web", address)),
            *("--scratch", folder / "scratch", "--access-log", folder / "access.log"),
            *(("--certificates", certificates) if certificates else ()),
            *(("--challenges", challenges) if challenges else ()),
        ]
        self.address = f"http://127.0.0.1:{http}"
        self.tls_address = f"https://127.0.0.1:{https}"
        self.status_address = f"http://127.0.0.1:{status}"
        self._watch_seconds = watch_seconds
        self._changes = changes or {}
        self._log = folder / "nginx.log"

    def __enter__(self) -> "Gateway":
        self.folder.mkdir(exist_ok=True)
        self.configure()
        often = {"SLIPBIN_WATCH_SECONDS": str(self._watch_seconds)}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", str(self.folder / "start.sh"), str(self.folder), str(self.folder / "scratch")],
                env=full({"PATH": f"{Path(self._nginx).parent}:/usr/bin:/bin"}) | often,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            if self.certificates is not None:
                self._watch(log, full(self._settings) | often)
        self.client = self.new_client()
        eventually(self._answers, "an answer of nginx")
        return self

    def _watch(self, log: IO[bytes], environment: Environment) -> None:
        command = [sys.executable, "-m", "deploy.gateway.watch", *map(str, [self.folder, *self._arguments])]
        watch = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log)
        self._stack.callback(watch.wait)
        self._stack.callback(watch.kill)

    def __exit__(self, *_: object) -> None:
        self.client.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._stack.close()

    def configure(self, settings: Environment | None = None) -> None:
        """Write the configuration, as `docker compose up` does at each start."""
        self._settings |= settings or {}
        done = write_gateway(self.folder, *self._arguments, settings=self._settings)
        assert done.returncode == 0, done.stderr
        for file in self.folder.glob("nginx*.conf"):
            text = file.read_text()
            for old, new in self._changes.items():
                assert old in text, old
                text = text.replace(old, new)
            file.chmod(0o640)
            file.write_text(text)

    def reload(self) -> list[psutil.Process]:
        """Have new processes of nginx take over; the ones of before, which may still be answering."""
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: set(self.workers()) - set(before), "a new process of nginx")
        return before

    def workers(self) -> list[psutil.Process]:
        """The processes of nginx that answer requests, the ones that are ending too."""
        return [child for child in psutil.Process(self.process.pid).children() if _name_of(child) == "nginx"]

    def new_client(self, *, tls: bool = False, http2: bool = False, local_address: str | None = None) -> Client:
        """A client with connections of its own, which may come from another address of this machine."""
        client = Client(self.tls_address if tls else self.address, self._database_url)
        if http2 or local_address:
            client._transport = httpx.HTTPTransport(verify=False, http2=http2, local_address=local_address)
        return client

    def log(self) -> str:
        """What nginx and its start script wrote."""
        return self._log.read_text()

    def access_log(self) -> list[dict[str, Any]]:
        """The lines so far, each a JSON object; they are written within a second of the answer."""
        # The last line may be just being written.
        complete, _, _ = (self.folder / "access.log").read_text().rpartition("\n")
        return [json.loads(line) for line in complete.splitlines()]

    def logged(self, path: str) -> dict[str, Any]:
        """The line of the one request with this path."""
        [line] = eventually(lambda: [line for line in self.access_log() if line["path"] == path], f"a line of {path}")
        return line

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            return httpx.get(f"{self.status_address}/status", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
