"""Those who answer: nginx, a bare FastAPI app, and Slipbin, each one process that works on one core."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import REPOSITORY, BenchmarkError, Child, running

_NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=1h;
    default_type "text/plain; charset=utf-8";
    client_body_temp_path {folder}/nginx.client_body;
    proxy_temp_path {folder}/nginx.proxy;
    fastcgi_temp_path {folder}/nginx.fastcgi;
    uwsgi_temp_path {folder}/nginx.uwsgi;
    scgi_temp_path {folder}/nginx.scgi;
    server {{
        listen 127.0.0.1:{redirect_port};
        location / {{ return 302 {target}; }}
    }}
    server {{
        listen 127.0.0.1:{file_port};
        root {files};
    }}
}}
"""


@dataclass(frozen=True)
class Contestant:
    name: str
    url: str
    """Scheme, host and port."""
    child: Child


@dataclass(frozen=True)
class Nginx:
    redirect: Contestant
    files: Contestant


@contextlib.contextmanager
def nginx(program: str, folder: Path, *, files: Path, target: str, core: int) -> Iterator[Nginx]:
    """nginx that answers every address with a redirect to `target` on one port and serves `files` on another."""
    redirect_port, file_port = free_ports(2)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _NGINX.format(
            # As root nginx would work as another user, who may not see our files.
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder,
            files=files,
            target=target,
            redirect_port=redirect_port,
            file_port=file_port,
        )
    )
    command = [program, "-c", str(configuration), "-p", str(folder), "-e", "stderr"]
    with running("nginx", command, core=core, folder=folder) as child:
        child.wait_until(lambda: is_listening(redirect_port) and is_listening(file_port))
        yield Nginx(
            Contestant("nginx, return 302", f"http://127.0.0.1:{redirect_port}", child),
            Contestant("nginx, static file", f"http://127.0.0.1:{file_port}", child),
        )


@contextlib.contextmanager
def bare_fastapi(folder: Path, *, links: Path, core: int) -> Iterator[Contestant]:
    """The app of `bare_app.py` on uvicorn at its fastest. `links`: a JSON file of keys and addresses."""
    (port,) = free_ports(1)
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.bare_app:app", "--host", "127.0.0.1", "--port", str(port)),
        *("--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning"),
        *("--no-server-header", "--no-date-header"),
    ]
    environment = {"BENCHMARK_LINKS": str(links)}
    with running("fastapi", command, core=core, folder=folder, environment=environment) as child:
        child.wait_until(lambda: is_listening(port))
        yield Contestant("FastAPI alone", f"http://127.0.0.1:{port}", child)


@contextlib.contextmanager
def slipbin(folder: Path, *, settings: Mapping[str, str], core: int) -> Iterator[Contestant]:
    """One web process of Slipbin on a schema it has just been given. `settings`: where its engines are.

    Raises:
        BenchmarkError: it does not migrate or does not start.
    """
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    environment = {**settings, "MAIN_SECRET": secrets.token_hex(32), "MAIN_PUBLIC_URL": url}
    migration = subprocess.run(
        [sys.executable, "-m", "main_service", "migrate"],
        cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if migration.returncode != 0:
        raise BenchmarkError(f"Slipbin does not migrate:\n{migration.stderr.strip()}")
    command = [sys.executable, "-m", "main_service", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with running("slipbin", command, core=core, folder=folder, environment=environment) as child:
        child.wait_until(lambda: is_listening(port))
        yield Contestant("Slipbin", url, child)


def find_program(name: str) -> str | None:
    """Also where only root usually looks, which is where nginx is."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/opt/homebrew/bin")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
