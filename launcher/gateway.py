"""nginx in front of the web processes, where `make run GATEWAY=1` asks for it."""

import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from launcher.data.folder import DataFolder
from launcher.data.pid_file import PidFile
from launcher.errors import StartError, option
from launcher.listener import BACKLOG, Listener, open_listener
from launcher.run_user import RunUser, acting_as
from launcher.services import REPOSITORY
from launcher.supervision.program import Program

GRACE = timedelta(seconds=15)
"""How long nginx may take to end: as long as the web processes may need for what they are answering."""
LOOPBACK = "127.0.0.1"
SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin:/sbin"
"""Folders of programs for administrators, which are not on everyone's PATH."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The sockets of nginx, which the launcher holds so that visitors wait while it restarts, and that of the web."""

    http: Listener
    https: Listener
    status: Listener
    """nginx's own figures, for this machine alone."""
    web: socket.socket
    """Where the web processes listen: a unix socket in the data folder, which no other user of the machine can reach.
    By TCP any program here could connect as nginx does, and so choose the address that it seems to come from."""
    path: str
    """Where nginx is looked for."""

    @property
    def for_web(self) -> Listener:
        """The web processes' socket, under the address of the gateway."""
        return replace(self.http, socket=self.web)

    def settings(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What the services, `doctor` and `status` must be told. `environ`: the operator's, which says it first."""
        told = {"MAIN_GATEWAY": "unix", "MAIN_TLS_ADDRESS": _address(self.https.host, self.https.port)}
        return {name: environ.get(name, value) for name, value in told.items()}

    def listen(self, data: DataFolder) -> None:
        """Open the web processes' socket; its folder was made, or emptied, after the gateway was opened."""
        with acting_as(data.owner):
            self.web.bind(str(data.web_socket))
        self.web.listen(BACKLOG)

    def config_programs(
        self, data: DataFolder, *, user: RunUser | None, environ: Mapping[str, str], environment: Mapping[str, str]
    ) -> tuple[Program, Program]:
        """One that writes what nginx is started with, and one that then does so for each changed certificate.

        `environment`: that of the services. `environ`: the operator's.
        """
        certificates = environ.get("SLIPBIN_TLS")
        places = {"http": self.http, "https": self.https, "status": self.status}
        arguments = (
            str(data.gateway),
            *(part for name, place in places.items() for part in (f"--{name}", _bound(place))),
            *("--web", f"unix:{data.web_socket}"),
            *("--scratch", str(data.gateway / "scratch"), "--access-log", "off"),
            *(("--certificates", certificates) if certificates else ()),
            *(("--challenges", environ["SLIPBIN_ACME"]) if environ.get("SLIPBIN_ACME") else ()),
        )
        write = Program(
            name="gateway-config",
            command=(sys.executable, "-m", "deploy.gateway", *arguments),
            environment=environment,
            folder=REPOSITORY,
            user=user,
            # It says which certificate it found.
            is_shown=lambda line: b"certificate is" not in line,
        )
        watch = replace(
            write, name="gateway-certificates", command=(sys.executable, "-m", "deploy.gateway.watch", *arguments)
        )
        return write, watch

    def program(self, data: DataFolder, *, user: RunUser | None) -> Program:
        """nginx itself, which takes up a changed configuration by itself."""
        sockets = tuple(each.socket.fileno() for each in (self.http, self.https, self.status))
        return Program(
            name="gateway",
            command=("/bin/sh", str(data.gateway / "start.sh"), str(data.gateway), str(data.gateway / "scratch")),
            # The variable by which nginx is told of sockets that are open already.
            environment={"PATH": self.path, "LC_ALL": "C", "NGINX": "".join(f"{number};" for number in sockets)},
            folder=REPOSITORY,
            user=user,
            stop_signal=signal.SIGQUIT,
            stop_grace=GRACE,
            inherited=sockets,
            after_start=PidFile(data, "gateway", number=signal.SIGQUIT, grace=GRACE).write,
            is_shown=lambda line: b"using inherited sockets" not in line,
        )


def open_gateway(http: Listener, *, host: str, tls_port: int, environ: Mapping[str, str]) -> Gateway:
    """Open the sockets of nginx beside that for http.

    Raises:
        StartError: nginx is not installed, or a port can't be opened.
    """
    path = f"{environ.get('PATH', '')}:{SYSTEM_PROGRAMS}"
    if shutil.which("nginx", path=path) is None:
        raise StartError("GATEWAY=1 needs nginx, which was not found (Debian: apt install nginx).")
    try:
        https = open_listener(host, tls_port)
    except StartError as error:
        raise StartError(f"{str(error).partition(' Choose')[0]} Choose another with {option('tls-port')}.") from error
    web = socket.socket(socket.AF_UNIX)
    return Gateway(http=http, https=https, status=open_listener(LOOPBACK, 0), web=web, path=path)


def _bound(listener: Listener) -> str:
    """Address and port that a socket is bound to, as nginx writes them."""
    host, port = listener.socket.getsockname()[:2]
    return _address(host, port)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
