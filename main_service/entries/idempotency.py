"""Requests that may be sent again without making a second entry: how one is known by its `Idempotency-Key`.

`dependencies.idempotency_of` reads the header, `create.EntryCreateService` answers with the entry that an earlier
request made, and `storage.remember_idempotency_key` keeps the key, in the transaction that inserts the entry.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_network
from uuid import UUID

from main_service.engines.signing import Signer, SigningLabel
from main_service.settings import Settings

REMEMBERED_FOR = timedelta(hours=24)
_PIECE_LENGTH = 128 * 1024
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
    digest = sha256()
    for piece in json_pieces(fields):
        digest.update(piece.encode())
    body_digest = digest.digest()
    scope = _scope(settings, "form", str(account_id), form_id, path, body_digest.hex())
    return IdempotentRequest(scope=scope, key="form", body_digest=body_digest)


def json_pieces(fields: Mapping[str, str]) -> Iterator[str]:
    """The fields as `json.dumps` writes them, sorted, with long values in pieces: in one go, each would hold Python's
    lock for tens of milliseconds, even in a thread.
    """
    before = "{"
    for name in sorted(fields):
        yield f'{before}{json.dumps(name)}: "'
        value = fields[name]
        for start in range(0, len(value), _PIECE_LENGTH):
            yield json.dumps(value[start : start + _PIECE_LENGTH])[1:-1]
        yield '"'
        before = ", "
    yield "}" if fields else "{}"


def guest_scope(settings: Settings, *, address: IPv4Address | IPv6Address | None, method: str, path: str) -> bytes:
    """The scope of a guest's requests of one method and path: a keyed digest of the client's address or IPv6 network.

    `address`: None for a client on this machine that has none (a unix socket).
    """
    prefix = f"/{GUEST_IPV6_PREFIX}" if isinstance(address, IPv6Address) else ""
    network = "local" if address is None else str(ip_network(f"{address}{prefix}", strict=False))
    return _scope(settings, "guest", network, method, path)


def _scope(settings: Settings, *parts: str) -> bytes:
    return Signer(settings.secret, SigningLabel.IDEMPOTENCY_SCOPE).sign(" ".join(parts).encode())
