"""The gateway's nginx on this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.support.engines import REPOSITORY
from tests.support.ports import reserved_port
from tests.support.tools import needs
from tests.support.waiting import eventually


class Addresses(NamedTuple):
    """The addresses that the gateway listens at, each a host and a port."""

    http: str
    https: str
    status: str


@contextmanager
def reserved_addresses() -> Iterator[Addresses]:
    with ExitStack() as stack:
        yield Addresses(*(f"127.0.0.1:{stack.enter_context(reserved_port())}" for _ in Addresses._fields))


@contextmanager
def local_gateway(folder: Path, at: Addresses, *, web: str, grafana: str, **settings: str) -> Iterator[None]:
    """An nginx that runs on what the gateway's script wrote, in front of servers at `web` and `grafana`."""
    nginx = needs("nginx", "nginx")
    scratch = folder / "scratch"
    scratch.mkdir()
    environment = {"PATH": os.environ["PATH"], "MAIN_PUBLIC_URL": f"http://{at.http}", **settings}
    places = {**at._asdict(), "web": web, "grafana": grafana, "scratch": scratch, "access-log": "/dev/null"}
    options = [f"--{name}={place}" for name, place in places.items()]
    subprocess.run(
        [sys.executable, "-m", "deploy.gateway", folder, *options],
        env=environment,
        cwd=REPOSITORY,
        check=True,
        timeout=120,
    )
    user = "user root;" if os.getuid() == 0 else ""
    process = subprocess.Popen(
        [nginx, "-e", "stderr", "-c", folder / "nginx-1.22.conf", "-g", f"daemon off; {user}"], process_group=0
    )

    def answers() -> bool:
        assert process.poll() is None, "nginx ended"
        try:
            return httpx.get(f"http://{at.status}/status", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(answers, "an answer of nginx")
        yield
    finally:
        process.terminate()
        process.wait()
