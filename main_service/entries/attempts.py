"""Requests that may be sent again without making a second entry (`Idempotency-Key`)."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_network
from uuid import UUID

from main_service.settings import Settings

REMEMBERED_FOR = timedelta(hours=24)
GUEST_IPV6_PREFIX = 64
"""A household has so many addresses, and its devices change theirs from hour to hour."""


@dataclass(frozen=True)
class Attempt:
    """One sending of a request: `scope` and `key` name the request, `body_digest` (SHA-256) tells if it is the same."""

    scope: bytes
    key: str
    body_digest: bytes


def account_scope(settings: Settings, *, account_id: UUID, method: str, path: str) -> bytes:
    """Which user asks for what, wherever from."""
    return _scope(settings, "attempt:account", str(account_id), method, path)


def guest_scope(settings: Settings, *, address: IPv4Address | IPv6Address | None, method: str, path: str) -> bytes:
    """Who asks for what: the client's address, or its network with IPv6, as a digest from which nobody gets it back.

    `address`: None for a client on this machine that has none (a unix socket).
    """
    prefix = f"/{GUEST_IPV6_PREFIX}" if isinstance(address, IPv6Address) else ""
    network = "local" if address is None else str(ip_network(f"{address}{prefix}", strict=False))
    return _scope(settings, "attempt:guest", network, method, path)


def _scope(settings: Settings, *parts: str) -> bytes:
    return hmac.digest(settings.secret.get_secret_value().encode(), " ".join(parts).encode(), sha256)
