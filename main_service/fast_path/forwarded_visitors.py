"""The addresses of visitors that trusted proxies name in `X-Forwarded-For`, for the fast path."""

from ipaddress import IPv4Network, IPv6Network
from socket import AF_INET, inet_pton

from main_service.visit_stream.encoder import VisitEncoder, VisitorAddress
from main_service.web.client_address import IPV4_BYTES, Proxies, packed_address


class ForwardedVisitors:
    """Finds what `client_address.believed_address` finds, in a fraction of the time. One per process.

    Nothing is cached: most visitors come once, and parsing costs little more than a lookup.
    """

    def __init__(self, encoder: VisitEncoder, trusted_proxies: Proxies) -> None:
        self._encoder = encoder
        self._ipv4_proxies = [_numbers(it) for it in trusted_proxies if isinstance(it, IPv4Network)]
        self._ipv6_proxies = [_numbers(it) for it in trusted_proxies if isinstance(it, IPv6Network)]

    def find(self, proxy: VisitorAddress, forwarded_for: bytes) -> VisitorAddress:
        """The visitor. `proxy`: the trusted proxy that is the peer; `forwarded_for`: the header, empty if absent."""
        hops = forwarded_for.decode("latin-1")
        # The usual case, also from our own gateway: the last address is IPv4 and not a proxy's.
        last = hops[hops.rfind(",") + 1 :].strip()
        if ":" not in last:
            try:
                number = int.from_bytes(inet_pton(AF_INET, last))
            except (OSError, ValueError):
                return self._find(proxy, hops)
            for mask, network in self._ipv4_proxies:
                if number & mask == network:
                    break
            else:
                # An IPv4 address has only one spelling.
                return self._encoder.visitor_named(last)
        return self._find(proxy, hops)

    def _find(self, proxy: VisitorAddress, hops: str) -> VisitorAddress:
        address: bytes | None = None
        end = len(hops)
        while end >= 0:
            comma = hops.rfind(",", 0, end)
            hop = packed_address(hops[comma + 1 : end].strip())
            if hop is None:
                break
            address = hop
            if not self._is_proxy(address):
                break
            end = comma
        return proxy if address is None else self._encoder.visitor_at(address)

    def _is_proxy(self, address: bytes) -> bool:
        number = int.from_bytes(address)
        for mask, network in self._ipv4_proxies if len(address) == IPV4_BYTES else self._ipv6_proxies:
            if number & mask == network:
                return True
        return False


def _numbers(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    """The mask of a network and its address."""
    return int(network.netmask), int(network.network_address)
