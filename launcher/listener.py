"""The listening socket, opened once and inherited by every web process."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address

from launcher.errors import StartError, option

BACKLOG = 2048
REACHED_AS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a user may want to listen everywhere
ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that are reserved for documentation: the route to them is that to the internet."""


@dataclass(frozen=True)
class Listener:
    """A bound socket that the launcher keeps open: connections wait in its queue while a web process restarts."""

    socket: socket.socket
    host: str
    """A numeric address by which this machine reaches itself."""
    port: int
    name: str
    """The host as it was given; if that means every address, the one by which other machines reach this one."""
    is_everywhere: bool = False
    """Whether it listens on every address."""

    @property
    def url(self) -> str:
        """The URL of the service for browsers."""
        return f"http://[{self.name}]:{self.port}" if ":" in self.name else f"http://{self.name}:{self.port}"


def open_listener(host: str, port: int) -> Listener:
    """Bind the address and listen. Port 0: any free one.

    Raises:
        StartError: the address is in use, unknown, or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise StartError(f"{host} is not an address of this machine: choose another with {option('host')}.") from error
    try:
        # Without it a restart would have to wait until old connections are forgotten.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise StartError(
            f"Port {port} on {host} cannot be opened: {error.strerror}."
            f" Choose another with {option('host')} or {option('port')}."
        ) from error
    bound_host, bound_port = listening.getsockname()[:2]
    reached_as = REACHED_AS.get(bound_host)
    if reached_as is None:
        return Listener(listening, bound_host, bound_port, host)
    return Listener(listening, reached_as, bound_port, find_own_address(listening) or reached_as, is_everywhere=True)


def find_own_address(listening: socket.socket) -> str | None:
    """The address by which other machines of the network reach the socket; None if there is none.

    It is the address from which the system would send to the internet; nothing is sent.
    """
    is_version_6 = listening.family == socket.AF_INET6
    takes_both = is_version_6 and not listening.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    families = {listening.family} | ({socket.AF_INET} if takes_both else set())
    for family, elsewhere in ELSEWHERE:
        if family not in families:
            continue
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.connect((elsewhere, 9))
                address: str = asking.getsockname()[0]
        except OSError:
            continue
        if not ip_address(address).is_loopback:
            return address
    return None
