"""nginx in front of the web processes, where `make run GATEWAY=1` asks for it."""

import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from launcher.data_folder import DataFolder
from launcher.errors import StartError, option
from launcher.listener import Listener, open_listener
from launcher.program import Program
from launcher.run_user import RunUser
from launcher.services import REPOSITORY

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
    web: Listener
    """Where the web processes listen, for nginx alone."""
    path: str
    """Where nginx is looked for."""

    @property
    def for_web(self) -> Listener:
        """The web processes' socket, under the address of the gateway."""
        return replace(self.http, socket=self.web.socket)

    def trusted(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` for the web processes, which believe what the gateway says of clients."""
        given = environ.get("MAIN_TRUSTED_PROXIES", "")
        return {**environ, "MAIN_TRUSTED_PROXIES": f"{LOOPBACK},{given}" if given else LOOPBACK}

    def config_program(
        self, data: DataFolder, *, user: RunUser | None, environ: Mapping[str, str], environment: Mapping[str, str]
    ) -> Program:
        """Writes what nginx is started with. `environment`: that of the services. `environ`: the operator's."""
        certificates = environ.get("SLIPBIN_TLS")
        places = {"http": self.http, "https": self.https, "status": self.status, "web": self.web}
        return Program(
            name="gateway-config",
            command=(
                *(sys.executable, "-m", "deploy.gateway", str(data.gateway)),
                *(part for name, place in places.items() for part in (f"--{name}", _bound(place))),
                *("--scratch", str(data.gateway / "scratch"), "--access-log", "off"),
                *(("--certificates", certificates) if certificates else ()),
                *(("--challenges", environ["SLIPBIN_ACME"]) if environ.get("SLIPBIN_ACME") else ()),
            ),
            environment={**environment, "MAIN_TRUSTED_PROXIES": environ.get("MAIN_TRUSTED_PROXIES", "")},
            folder=REPOSITORY,
            user=user,
            # It says which certificate it found.
            is_shown=lambda line: b"certificate is" not in line,
        )

    def program(self, data: DataFolder, *, user: RunUser | None, environ: Mapping[str, str]) -> Program:
        """nginx itself, which takes up a changed certificate by itself."""
        certificates = environ.get("SLIPBIN_TLS")
        sockets = tuple(each.socket.fileno() for each in (self.http, self.https, self.status))
        return Program(
            name="gateway",
            command=(
                *("/bin/sh", str(data.gateway / "start.sh"), str(data.gateway), str(data.gateway / "scratch")),
                *([certificates] if certificates else []),
            ),
            # The variable by which nginx is told of sockets that are open already.
            environment={"PATH": self.path, "LC_ALL": "C", "NGINX": "".join(f"{number};" for number in sockets)},
            folder=REPOSITORY,
            user=user,
            stop_signal=signal.SIGQUIT,
            stop_grace=GRACE,
            inherited=sockets,
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
    return Gateway(http=http, https=https, status=open_listener(LOOPBACK, 0), web=open_listener(LOOPBACK, 0), path=path)


def _bound(listener: Listener) -> str:
    """Address and port that a socket is bound to, as nginx writes them."""
    host, port = listener.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
