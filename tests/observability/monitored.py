"""Debian's Prometheus, Alertmanager and exporters, on our own configuration with other addresses and times."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.engines import REPOSITORY
from tests.support.ports import reserved_port
from tests.support.tools import needs
from tests.support.waiting import eventually

FOLDER = REPOSITORY / "deploy/observability"
OFTEN = "1s"


@contextmanager
def running(command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """A program that writes its output to `log`, and is killed at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={"PATH": os.environ["PATH"], **(environment or {})}
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def exporter(
    program: str, *arguments: str, flag: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """An exporter; yields its address. `flag`: how it is told that."""
    with reserved_port() as port:
        address = f"127.0.0.1:{port}"
        command = [needs(program, program), *arguments, f"{flag}={address}"]
        with running(command, folder / f"{program}.log", environment=environment):
            wait_for(f"http://{address}/metrics", folder / f"{program}.log")
            yield address


def wait_for(url: str, log: Path) -> None:
    def answers() -> bool:
        try:
            return httpx.get(url, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    eventually(answers, f"an answer of {url}; see {log}")


class Prometheus:
    """A running Prometheus, asked by its API."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False, timeout=30)

    def close(self) -> None:
        self._client.close()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now.

        Raises:
            AssertionError: Prometheus doesn't understand it.
        """
        found = self._ask("/query", query=expression)["result"]
        return found if isinstance(found, list) else [found]

    def names(self) -> set[str]:
        """The name of every metric that it has."""
        return set(self._ask("/label/__name__/values"))

    def groups(self) -> list[dict[str, Any]]:
        """Prometheus's groups of rules, with what became of each rule."""
        groups: list[dict[str, Any]] = self._ask("/rules")["groups"]
        return groups

    def targets(self) -> list[dict[str, Any]]:
        targets: list[dict[str, Any]] = self._ask("/targets")["activeTargets"]
        return targets

    def _ask(self, path: str, **query: str) -> Any:
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, f"{query}: {answer.text}"
        return answer.json()["data"]


def adapted(configuration: dict[str, Any], targets: Mapping[str, str], alertmanager: str) -> dict[str, Any]:
    """prometheus.yml with the addresses of `targets`, by the names in it, and with times in which a test can wait.

    What has no address here is left out.
    """
    configuration["global"] = {"scrape_interval": OFTEN, "evaluation_interval": OFTEN}
    configuration["rule_files"] = [str(FOLDER / pattern) for pattern in configuration["rule_files"]]
    configuration["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    for job in configuration["scrape_configs"]:
        names = [name for found in job.pop("dns_sd_configs", []) for name in found["names"]]
        fixed = [target.partition(":")[0] for each in job.pop("static_configs", []) for target in each["targets"]]
        job["static_configs"] = [
            # As the look-up of names would label them.
            {"targets": [targets[name]], "labels": {"__meta_dns_name": name} if name in names else {}}
            for name in (*names, *fixed)
            if name in targets
        ]
    return configuration


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str], alertmanager: str) -> Iterator[Prometheus]:
    with reserved_port() as port:
        address = f"127.0.0.1:{port}"
        file = folder / "prometheus.yml"
        file.write_text(
            json.dumps(
                adapted(
                    yaml.safe_load((FOLDER / "prometheus.yml").read_text()),
                    {**targets, "127.0.0.1": address},
                    alertmanager,
                )
            )
        )
        command = [needs("prometheus", "prometheus"), f"--config.file={file}", f"--web.listen-address={address}"]
        log = folder / "prometheus.log"
        with running([*command, f"--storage.tsdb.path={folder / 'tsdb'}"], log):
            wait_for(f"http://{address}/-/ready", log)
            server = Prometheus(address)
            try:
                yield server
            finally:
                server.close()


@contextmanager
def alertmanager(folder: Path, configuration: str) -> Iterator[str]:
    """An Alertmanager that waits for no more alerts before it tells of one; yields its address."""
    file = folder / "alertmanager.yml"
    file.write_text(re.sub("group_wait: .*", f"group_wait: {OFTEN}", configuration))
    with reserved_port() as port:
        address = f"127.0.0.1:{port}"
        program = needs("prometheus-alertmanager", "prometheus-alertmanager")
        command = [program, f"--config.file={file}", f"--web.listen-address={address}", "--cluster.listen-address="]
        log = folder / "alertmanager.log"
        with running([*command, f"--storage.path={folder / 'alertmanager'}"], log):
            wait_for(f"http://{address}/-/ready", log)
            yield address


class Hook:
    """What was posted to the operator's address."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.url = ""

    def find(self, alert: str) -> dict[str, Any] | None:
        """The first message about an alert."""
        told = (each for message in self.posted for each in message["alerts"])
        return next((each for each in told if each["labels"]["alertname"] == alert), None)


@contextmanager
def hook() -> Iterator[Hook]:
    """A server of the operator's that alerts are posted to."""
    its = Hook()

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            its.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Takes))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        stack.callback(server.shutdown)
        its.url = f"http://127.0.0.1:{server.server_address[1]}/alerts?token=a%20b'\"c"
        yield its
