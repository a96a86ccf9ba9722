"""Signatures and keys made from the secret of the settings, each good for one purpose only."""

import hmac
from enum import Enum

from pydantic import SecretStr


class SigningLabel(Enum):
    """The prefix of messages that are signed with the secret itself, for purposes older than derived keys.

    Such signatures are in links, cookies, cursors and Redis, so a label never changes. None is a prefix of another.
    """

    MANAGE_TOKEN = b"manage:"
    EMAIL_LINK = b"link\0"
    EMAIL_LINK_STATE = b"state\0"
    JWT_KEY = b"jwt"
    FORM = b"form:"
    CURSOR = b"cursor:"
    IDEMPOTENCY_SCOPE = b"attempt:"
    RATE_LIMIT_KEY = b"rate limit "
    KEY_FILTER_KEY = b"known keys"
    VISITORS_KEY = b"visitors of "


class Signer:
    """Signs for one purpose (HMAC-SHA256)."""

    def __init__(self, secret: SecretStr, purpose: SigningLabel | str) -> None:
        """`purpose`: a label, or a name for a new purpose, which gets a key of its own (HKDF, RFC 5869)."""
        self._key = secret.get_secret_value().encode()
        self._label = b""
        if isinstance(purpose, SigningLabel):
            self._label = purpose.value
        else:
            extracted = hmac.digest(bytes(32), self._key, "sha256")
            self._key = hmac.digest(extracted, purpose.encode() + b"\1", "sha256")

    def sign(self, message: bytes = b"") -> bytes:
        """The signature of `message`: 32 bytes, which may also serve as a key."""
        return hmac.digest(self._key, self._label + message, "sha256")


def is_same_signature(given: str, right: str) -> bool:
    """Compare in constant time. `given`: any text that a client sent; `right`: the signature, in ASCII."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode("ascii"))
