"""A compose project of this repository that runs in containers, as the `docker` on PATH and its environment say."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.support.engines import REPOSITORY
from tests.support.waiting import eventually

ENGINES = ("postgres", "valkey", "seaweedfs")
BACKGROUND = ("main-worker", "main-slow", "main-beat", "keygen-worker", "keygen-beat", "gateway-certificates")
LASTING = ("gateway", "main", *BACKGROUND, *ENGINES)
ONE_SHOTS = ("secrets", "gateway-config", "migrate")
COMMAND_SECONDS = 400
READY_SECONDS = 240


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"http://127.0.0.1:{os.environ['SLIPBIN_PORT']}"
        self.tls_address = f"https://127.0.0.1:{os.environ['SLIPBIN_TLS_PORT']}"
        self.said_at_start = ""

    def __enter__(self) -> "Project":
        self.said_at_start = self.compose("up", "--detach").stderr
        self.wait_until_healthy()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: run.sh keeps the logs and ends the project."""

    def new_client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, trust_env=False, timeout=30)

    def compose(self, *arguments: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command of `docker compose`; `given`: its standard input."""
        return run("docker", "compose", "--progress", "plain", *arguments, given=given)

    def execute(self, service: str, *command: str, given: str | None = None) -> str:
        """What a command prints that is run in a container of the service, as operators do."""
        return self.compose("exec", "-T", service, *command, given=given).stdout

    def refuses(self, service: str, script: str) -> bool:
        """Whether a script of the shell fails in a container of the service."""
        command = ["docker", "compose", "exec", "-T", service, "sh", "-c", script]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False).returncode != 0

    def containers(self, *services: str) -> list[dict[str, Any]]:
        """What the Engine tells of the containers of services, of all if none is named; those that have ended too."""
        ids = self.compose("ps", "--all", "--quiet", *services).stdout.split()
        return list(json.loads(run("docker", "inspect", *ids).stdout)) if ids else []

    def logs(self, *services: str) -> list[str]:
        shown = self.compose("logs", "--no-color", "--no-log-prefix", *services).stdout
        # Which Compose writes before some lines, even if they go to a file.
        return shown.replace("\x1b[2K", "").splitlines()

    def is_healthy(self) -> bool:
        states = {
            (container["Config"]["Labels"]["com.docker.compose.service"], container["State"]["Health"]["Status"])
            for container in self.containers(*LASTING)
            if container["State"]["Running"]
        }
        return states == {(service, "healthy") for service in LASTING}

    def is_ready(self) -> bool:
        try:
            with self.new_client() as client:
                answer = client.get("/health/ready")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["status"] == "ready"

    def wait_until_healthy(self) -> None:
        eventually(lambda: self.is_healthy() and self.is_ready(), "a healthy project", seconds=READY_SECONDS)


def service_of(container: dict[str, Any]) -> str:
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def run(*command: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{_shown(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done


def _shown(command: Sequence[str]) -> str:
    return " ".join(command)
