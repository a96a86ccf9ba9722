"""The listening socket, opened once and inherited by every web process."""

import socket
from dataclasses import dataclass

from launcher.errors import StartError

BACKLOG = 2048
REACHED_AS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a user may want to listen everywhere


@dataclass(frozen=True)
class Listener:
    """A bound socket that the launcher keeps open, so that visitors outlive a dying web process in its queue."""

    socket: socket.socket
    host: str
    """A numeric address this machine can reach itself under."""
    port: int
    name: str
    """The host as a person wrote it, or `host` if that means every address."""

    @property
    def url(self) -> str:
        """Where a browser finds the service."""
        return f"http://[{self.name}]:{self.port}" if ":" in self.name else f"http://{self.name}:{self.port}"


def open_listener(host: str, port: int) -> Listener:
    """Bind the address and listen. Port 0: any free one.

    Raises: StartError if the address is in use, unknown, or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise StartError(f"{host} is not an address of this machine: choose another with --host.") from error
    try:
        # Without it a restart would have to wait until old connections are forgotten.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise StartError(
            f"Port {port} on {host} cannot be opened: {error.strerror}. Choose another with --host or --port."
        ) from error
    bound_host, bound_port = listening.getsockname()[:2]
    reached_as = REACHED_AS.get(bound_host)
    return Listener(listening, reached_as or bound_host, bound_port, reached_as or host)
