"""Counters in Redis of what a client may do so often and no more."""

from ipaddress import IPv4Address, IPv6Address, ip_network

from limits.aio.storage import RedisStorage

ANSWER_SECONDS = 2.0
IPV6_PREFIX = 64
"""A household has so many addresses."""

Address = IPv4Address | IPv6Address | None
"""None: a client on this machine that has none (a unix socket)."""


def client_name(address: Address) -> str:
    """Who is counted as one: an address, with IPv6 its network."""
    prefix = f"/{IPV6_PREFIX}" if isinstance(address, IPv6Address) else ""
    return "local" if address is None else str(ip_network(f"{address}{prefix}", strict=False))


def redis_counters(redis_url: str) -> RedisStorage:
    """Connects lazily; what fails is an error of redis-py."""
    address = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
    return RedisStorage(
        f"async+{address}",
        implementation="redispy",
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
    )
