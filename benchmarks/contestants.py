"""The servers that are compared: nginx, bare apps on uvicorn, and Slipbin, each one process that works on one core."""

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Child, running
from benchmarks.web_service import web_service

NGINX_REDIRECT, NGINX_FILE, NGINX_PAGE = "nginx `return 302`", "nginx, file", "nginx, compressed file"
BARE_UVICORN, BARE_FASTAPI = "bare uvicorn", "bare FastAPI"
SLIPBIN, SLIPBIN_BEHIND_NGINX = "Slipbin", "Slipbin behind nginx"

_GATEWAY_ADDRESS = "127.0.0.2"
"""From which the gateway connects: the only proxy that Slipbin trusts, so that others are visitors themselves."""

_NGINX_CONFIGURATION = """
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
    server {{
        listen 127.0.0.1:{page_port};
        root {pages};
        default_type "text/html; charset=utf-8";
        add_header Content-Encoding {page_encoding};
    }}
}}
"""


_GATEWAY_CONFIGURATION = """
{user}
worker_processes 1;
daemon off;
pid {folder}/gateway.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    gzip off;
    merge_slashes off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/gateway.client_body;
    proxy_temp_path {folder}/gateway.proxy;
    fastcgi_temp_path {folder}/gateway.fastcgi;
    uwsgi_temp_path {folder}/gateway.uwsgi;
    scgi_temp_path {folder}/gateway.scgi;
    upstream web {{
        server {web};
        keepalive 64;
        keepalive_timeout 10s;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://web;
            proxy_bind {address};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_set_header X-Visitor "";
            proxy_set_header X-Forwarded-For $http_x_visitor;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Contestant:
    name: str
    url: str
    """Scheme, host and port."""
    child: Child
    prepare: Callable[[], object] = lambda: None
    """Done before each load."""


@dataclass(frozen=True)
class Nginx:
    redirect: Contestant
    files: Contestant
    pages: Contestant


@contextlib.contextmanager
def nginx(
    program: str, folder: Path, *, files: Path, pages: Path, page_encoding: str, target: str, core: int
) -> Iterator[Nginx]:
    """nginx on three ports: redirects every address to `target`, serves `files`, and `pages`.

    `page_encoding`: how the files in `pages` are compressed.
    """
    redirect_port, file_port, page_port = free_ports(3)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _NGINX_CONFIGURATION.format(
            user=_nginx_user(),
            folder=folder,
            files=files,
            pages=pages,
            page_encoding=page_encoding,
            target=target,
            redirect_port=redirect_port,
            file_port=file_port,
            page_port=page_port,
        )
    )
    command = [program, "-c", str(configuration), "-p", str(folder), "-e", "stderr"]
    with running("nginx", command, core=core, folder=folder) as child:
        child.wait_until(lambda: all(map(is_listening, (redirect_port, file_port, page_port))))
        yield Nginx(
            Contestant(NGINX_REDIRECT, f"http://127.0.0.1:{redirect_port}", child),
            Contestant(NGINX_FILE, f"http://127.0.0.1:{file_port}", child),
            Contestant(NGINX_PAGE, f"http://127.0.0.1:{page_port}", child),
        )


def _nginx_user() -> str:
    """Started by root, nginx would switch to a user that may not read our files."""
    return "user root;" if os.geteuid() == 0 else ""


@contextlib.contextmanager
def gateway(program: str, folder: Path, *, product: Contestant, core: int) -> Iterator[Contestant]:
    """Slipbin behind nginx, which tells the visitor of each request. Whose CPU time counts is still Slipbin."""
    (port,) = free_ports(1)
    configuration = folder / "gateway.conf"
    web = product.url.partition("://")[2]
    configuration.write_text(
        _GATEWAY_CONFIGURATION.format(user=_nginx_user(), folder=folder, web=web, port=port, address=_GATEWAY_ADDRESS)
    )
    command = [program, "-c", str(configuration), "-p", str(folder), "-e", "stderr"]
    with running("gateway", command, core=core, folder=folder) as child:
        child.wait_until(lambda: is_listening(port))
        yield Contestant(SLIPBIN_BEHIND_NGINX, f"http://127.0.0.1:{port}", product.child, product.prepare)


@contextlib.contextmanager
def bare_app(name: str, module: str, *, folder: Path, links: Path, core: int) -> Iterator[Contestant]:
    """The app of a module of `benchmarks` on uvicorn at its fastest. `links`: a JSON file of keys and addresses."""
    (port,) = free_ports(1)
    command = [
        *(sys.executable, "-m", "uvicorn", f"benchmarks.{module}:app", "--host", "127.0.0.1", "--port", str(port)),
        *("--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning"),
        *("--no-server-header", "--no-date-header", "--lifespan", "off"),
    ]
    environment = {"BENCHMARK_LINKS": str(links)}
    with running(module, command, core=core, folder=folder, environment=environment) as child:
        child.wait_until(lambda: is_listening(port))
        yield Contestant(name, f"http://127.0.0.1:{port}", child)


@contextlib.contextmanager
def slipbin(folder: Path, *, settings: Mapping[str, str], core: int) -> Iterator[Contestant]:
    """One web process of Slipbin, which is ready. `settings`: all that it needs."""
    trusting = {**settings, "MAIN_TRUSTED_PROXIES": _GATEWAY_ADDRESS}
    with web_service(folder, settings=trusting, core=core) as service, service.process() as child:
        yield Contestant(SLIPBIN, service.url, child)


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
