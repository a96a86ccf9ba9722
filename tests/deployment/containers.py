"""Services of docker-compose.yml as processes of this machine: their commands as written, in the repository's folder.

What a container would see is put in place of the rest: the folders of its volumes, and the addresses of local engines.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.deployment.compose_file import compose_file
from tests.support.engines import REPOSITORY, START_SECONDS, Environment
from tests.support.waiting import eventually

REDIS_NUMBER = 8
"""Databases of Valkey in which no other worker takes these tasks, and no other test leaves a lock or a task."""
BROKER_NUMBER = 9
PROGRAMS = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"


class Containers:
    """The services of the compose file with `variables` filled in; their volumes are folders below `folder`."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._services: dict[str, Any] = compose_file(variables)["services"]

    def with_variables(self, variables: Mapping[str, str]) -> "Containers":
        """The same volumes, started with other variables."""
        return Containers(self._folder, variables)

    def volume(self, name: str) -> Path:
        path = self._folder / name
        path.mkdir(exist_ok=True)
        return path

    def grace_seconds(self, service: str) -> int:
        """The seconds that a service has to end after SIGTERM; Compose's default is ten."""
        return int(self._services[service].get("stop_grace_period", "10s").removesuffix("s"))

    def run(self, service: str) -> "subprocess.CompletedProcess[str]":
        """Run a service to its end."""
        return self._finished(self._command(service), service)

    def check(self, service: str) -> "subprocess.CompletedProcess[str]":
        """Run the health check of a service once."""
        kind, *test = self._services[service]["healthcheck"]["test"]
        command = {"CMD": test, "CMD-SHELL": ["/bin/sh", "-c", *test]}[kind]
        return self._finished([self._local(service, part) for part in command], service)

    @contextmanager
    def running(self, service: str) -> Iterator["subprocess.Popen[bytes]"]:
        process = subprocess.Popen(
            self._command(service), env=self._environment(service), cwd=REPOSITORY, process_group=0
        )
        try:
            yield process
        finally:
            # Nothing outlives its container.
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.kill()
            process.wait()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(children)

    def wait_until_healthy(self, service: str, process: "subprocess.Popen[bytes]") -> None:
        def is_healthy() -> bool:
            assert process.poll() is None, f"{service} ended with {process.returncode}"
            return self.check(service).returncode == 0

        eventually(is_healthy, f"a healthy {service}")

    def _command(self, service: str) -> list[str]:
        return [self._local(service, part) for part in self._services[service]["command"]]

    def _environment(self, service: str) -> Environment:
        values = self._services[service].get("environment", {})
        local = {name: self._local(service, value) for name, value in values.items()}
        return {"PATH": PROGRAMS, "HOME": "/nonexistent", **local}

    def _local(self, service: str, text: str) -> str:
        for mount in self._services[service].get("volumes", []):
            volume, path = mount.split(":")[:2]
            text = re.sub(rf"(?<![\w.-]){path}(?![\w-])", str(self.volume(volume)), text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def _finished(self, command: list[str], service: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            command,
            env=self._environment(service),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        print(shlex.join(command), done.returncode, done.stdout, done.stderr, sep="\n")
        return done
