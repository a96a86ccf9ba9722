"""The address that a request comes from, also behind proxies of ours."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.requests import HTTPConnection

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_REMEMBERED_ADDRESSES = 4_096


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
    return last_speaker(host, forwarded_for, trusted_proxies)[0]


def last_speaker(
    host: str | None, forwarded_for: Sequence[str], trusted_proxies: Sequence[Network]
) -> tuple[Address | None, bool]:
    """The believed address, and whether it claims to have heard the request from yet another one."""
    speaker = _address(host) if host is not None else None
    heard = [part for line in forwarded_for for part in line.split(",")]
    while heard and speaker is not None and _is_one_of(speaker, trusted_proxies):
        previous = _address(heard.pop().strip())
        if previous is None:
            break
        speaker = previous
    return speaker, bool(heard)


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
