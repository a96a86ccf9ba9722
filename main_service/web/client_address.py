"""The address that a request comes from, also behind proxies of ours."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from starlette.requests import HTTPConnection

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_REMEMBERED_ADDRESSES = 4_096
_MOST_PARTS = 16
"""What is not believed of `X-Forwarded-For` is read from its end and so far: a header has room for thousands."""

_INNER_NETWORKS = [
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]


class Speaker(NamedTuple):
    """Who says, as the last one that can be believed, where a request comes from."""

    address: Address | None
    """None: a unix socket."""
    is_peer: bool
    """Whether the connection itself comes from there: no trusted proxy has named it."""
    is_trusted: bool
    """Whether it is a trusted proxy, that names no client."""
    unbelieved: Sequence[str]
    """What `X-Forwarded-For` says beyond that: written by the speaker, or by a client that it has heard."""


def client_address(request: HTTPConnection, trusted_proxies: Sequence[Network]) -> Address | None:
    """Who sent the request, as far as that can be believed; None on a unix socket."""
    host = request.client.host if request.client else None
    return believed_address(host, request.headers.getlist("x-forwarded-for"), trusted_proxies)


def believed_address(
    host: str | None, forwarded_for: Sequence[str], trusted_proxies: Sequence[Network]
) -> Address | None:
    """The same, of the host that the connection comes from and the lines of `X-Forwarded-For`.

    Each proxy appends to them whom it heard; so they are read from their end, for as long as the speaker is one of
    `trusted_proxies`. What stands before that, anybody may have written.
    """
    return last_speaker(host, forwarded_for, trusted_proxies).address


def last_speaker(host: str | None, forwarded_for: Sequence[str], trusted_proxies: Sequence[Network]) -> Speaker:
    """The believed address, and what it says of others without being believed."""
    speaker = _address(host) if host is not None else None
    heard = [part for line in forwarded_for for part in line.split(",")]
    is_peer = True
    while (is_proxy := speaker is not None and _is_one_of(speaker, trusted_proxies)) and heard:
        previous = _address(heard.pop().strip())
        if previous is None:
            break
        speaker, is_peer = previous, False
    return Speaker(speaker, is_peer, is_proxy, heard)


def named_client(unbelieved: Sequence[str]) -> Address | None:
    """Whom lines or parts of `X-Forwarded-For` name, if none of the proxies that wrote them is known.

    The last address that is not an inner one, because a proxy may have heard the client through another; if all are
    inner ones, the last. None: there is no address in them.
    """
    parts = [part for line in unbelieved for part in line.split(",")][-_MOST_PARTS:]
    addresses = [address for part in reversed(parts) if (address := _address(part.strip())) is not None]
    return next((address for address in addresses if not is_inner(address)), addresses[0] if addresses else None)


def is_inner(address: Address) -> bool:
    """Whether it is of a network that is not the internet: loopback, link-local, private, or shared by a carrier."""
    return _is_one_of(address, _INNER_NETWORKS)


def network_of(address: Address) -> Network:
    """For the log, which has no addresses of visitors: the /24 (IPv6: /48), as visits keep it; loopback whole."""
    if isinstance(address, IPv4Address):
        return IPv4Network((address, 32 if address.is_loopback else 24), strict=False)
    # As a number it has no zone, which may be any text.
    return IPv6Network((int(address), 128 if address.is_loopback else 48), strict=False)


def is_trusted(host: str | None, trusted_proxies: Sequence[Network]) -> bool:
    """Whether a host is a proxy that may say whom it heard."""
    speaker = _address(host) if host is not None else None
    return speaker is not None and _is_one_of(speaker, trusted_proxies)


def _is_one_of(speaker: Address, networks: Sequence[Network]) -> bool:
    return any(speaker in network for network in networks)


@lru_cache(_REMEMBERED_ADDRESSES)
def _address(text: str) -> Address | None:
    """An IPv4 address that came in IPv6 form (`::ffff:192.0.2.1`) is the IPv4 address. Some proxies append a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
