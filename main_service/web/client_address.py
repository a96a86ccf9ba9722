"""The client's address, also behind trusted proxies."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from starlette.requests import HTTPConnection

from main_service.settings.proxies import UNIX_SOCKETS, UnixSockets

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Proxies = Sequence[Network | UnixSockets]
_REMEMBERED_ADDRESSES = 4_096
_LONGEST_REMEMBERED = 64
"""The longest text that is remembered, in characters: an address with zone, brackets and port is shorter, and clients
may send any text."""
_MAX_PARTS = 16
"""The most addresses that are read of an untrusted `X-Forwarded-For`, from its end: a header has room for thousands."""

IPV4_BYTES = 4
_MAPPED_IPV4 = bytes(10) + b"\xff\xff"

INNER_NETWORKS = [
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
    """The farthest host on a request's way whose address is certain: the client, or an untrusted proxy."""

    address: Address | None
    """None: the connection is a unix socket."""
    is_peer: bool
    """Whether it is the peer of the connection, rather than named by a trusted proxy."""
    is_trusted: bool
    """Whether it is a trusted proxy, one that names no client."""
    unbelieved: Sequence[str]
    """The rest of `X-Forwarded-For`, which the speaker or its clients may have made up."""


def client_address(request: HTTPConnection, trusted_proxies: Proxies) -> Address | None:
    """The address of the client, as far as it can be trusted; None: the connection is a unix socket."""
    host = request.client.host if request.client else None
    return believed_address(host, request.headers.getlist("x-forwarded-for"), trusted_proxies)


def believed_address(host: str | None, forwarded_for: Sequence[str], trusted_proxies: Proxies) -> Address | None:
    """The client's address, from the peer `host` of the connection and the lines of `X-Forwarded-For`.

    Each proxy appends the address of its peer. So the lines are read from their end, while the last address read is
    one of `trusted_proxies`. What stands before may be made up.
    """
    return last_speaker(host, forwarded_for, trusted_proxies).address


def last_speaker(host: str | None, forwarded_for: Sequence[str], trusted_proxies: Proxies) -> Speaker:
    """The client's address, as `believed_address` finds it, with the rest of `X-Forwarded-For`."""
    speaker = _address(host) if host is not None else None
    heard = [part for line in forwarded_for for part in line.split(",")]
    is_peer = True
    if speaker is None:
        is_proxy = host is None and UNIX_SOCKETS in trusted_proxies
    else:
        is_proxy = is_one_of(speaker, trusted_proxies)
    while is_proxy and heard:
        previous = _address(heard.pop().strip())
        if previous is None:
            break
        speaker, is_peer, is_proxy = previous, False, is_one_of(previous, trusted_proxies)
    return Speaker(speaker, is_peer, is_proxy, heard)


def named_client(unbelieved: Sequence[str]) -> Address | None:
    """The client that untrusted lines or parts of `X-Forwarded-For` name.

    It is the last address outside of inner networks, because there may be several proxies; if all are inner ones, the
    last. None: they hold no address.
    """
    parts = [part for line in unbelieved for part in line.split(",")][-_MAX_PARTS:]
    addresses = [address for part in reversed(parts) if (address := _address(part.strip())) is not None]
    return next((address for address in addresses if not is_inner(address)), addresses[0] if addresses else None)


def is_inner(address: Address) -> bool:
    """Whether an address is not of the internet: loopback, link-local, private, or shared by a carrier."""
    return is_one_of(address, INNER_NETWORKS)


def network_of(address: Address) -> Network:
    """The /24 (IPv6: /48) of an address, for logs, which must not hold addresses of visitors; loopback whole."""
    if isinstance(address, IPv4Address):
        return IPv4Network((address, 32 if address.is_loopback else 24), strict=False)
    # Converted to a number to drop the zone, which could be any text.
    return IPv6Network((int(address), 128 if address.is_loopback else 48), strict=False)


def is_trusted(host: str | None, trusted_proxies: Proxies) -> bool:
    """Whether the peer of a connection is a trusted proxy. None: the connection is a unix socket."""
    if host is None:
        return UNIX_SOCKETS in trusted_proxies
    speaker = parse_address(host)
    return speaker is not None and is_one_of(speaker, trusted_proxies)


def is_one_of(speaker: Address, networks: Proxies) -> bool:
    """Whether an address is in one of the networks."""
    # Twice as fast as `any`, which matters for redirects.
    for network in networks:  # noqa: SIM110
        if speaker in network:
            return True
    return False


def parse_address(text: str) -> Address | None:
    """The address in a text, which may have a port; None: there is none. `::ffff:192.0.2.1` gives an IPv4 address.

    The zone of an IPv6 address is left out, because it may be any text.
    """
    packed = packed_address(text)
    if packed is None:
        return None
    return IPv4Address(packed) if len(packed) == IPV4_BYTES else IPv6Address(packed)


def packed_address(text: str) -> bytes | None:
    """Like `parse_address`, but returns 4 or 16 bytes. For redirects: creating an `ipaddress` object takes longer."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        packed = inet_pton(AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return packed.removeprefix(_MAPPED_IPV4)


_remembered_address = lru_cache(_REMEMBERED_ADDRESSES)(parse_address)


def _address(text: str) -> Address | None:
    """`parse_address`, remembered."""
    return _remembered_address(text) if len(text) <= _LONGEST_REMEMBERED else parse_address(text)
