"""Requests that may be sent again without making a second entry: how one is known by its `Idempotency-Key`.

`dependencies.idempotency_of` reads the header, `create.EntryCreateService` answers with the entry that an earlier
request made, and `storage.remember_idempotency_key` keeps the key, in the transaction that inserts the entry.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_network
from uuid import UUID

from main_service.engines.signing import Signer, SigningLabel
from main_service.settings import Settings

REMEMBERED_FOR = timedelta(hours=24)
GUEST_IPV6_PREFIX = 64
"""Guests with addresses in one network of this prefix are one client: a household has that many, and its devices change
theirs from hour to hour."""


@dataclass(frozen=True)
class IdempotentRequest:
    """A request that may be sent again: `scope` and `key` name it, `body_digest` (SHA-256) tells if it is the same."""

    scope: bytes
    key: str
    body_digest: bytes


def account_scope(settings: Settings, *, account_id: UUID, method: str, path: str) -> bytes:
    """The scope of a user's requests of one method and path, whatever the client."""
    return _scope(settings, "account", str(account_id), method, path)


def idempotent_form(
    settings: Settings, *, account_id: UUID | None, form_id: str, path: str, fields: Mapping[str, str]
) -> IdempotentRequest:
    """The identity of a form, which a browser may send twice after a double click or a reload.

    `account_id`: None for a guest. `form_id`: random, a hidden field of the form. The same form with other fields, sent
    after going back to it, is another request.
    """
    body_digest = sha256(json.dumps(fields, sort_keys=True).encode()).digest()
    scope = _scope(settings, "form", str(account_id), form_id, path, body_digest.hex())
    return IdempotentRequest(scope=scope, key="form", body_digest=body_digest)


def guest_scope(settings: Settings, *, address: IPv4Address | IPv6Address | None, method: str, path: str) -> bytes:
    """The scope of a guest's requests of one method and path: a keyed digest of the client's address or IPv6 network.

    `address`: None for a client on this machine that has none (a unix socket).
    """
    prefix = f"/{GUEST_IPV6_PREFIX}" if isinstance(address, IPv6Address) else ""
    network = "local" if address is None else str(ip_network(f"{address}{prefix}", strict=False))
    return _scope(settings, "guest", network, method, path)


def _scope(settings: Settings, *parts: str) -> bytes:
    return Signer(settings.secret, SigningLabel.IDEMPOTENCY_SCOPE).sign(" ".join(parts).encode())
