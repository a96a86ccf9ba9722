"""Signatures, and the keys made from the secret of the settings; what is for one purpose is worthless for another."""

import hmac
from enum import Enum

from pydantic import SecretStr


class SigningLabel(Enum):
    """How a message begins that is signed with the secret itself, as all were before each purpose had its own key.

    Such signatures are in links, cookies, cursors and Redis, so a label never changes. None begins with another one.
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
    """Signs for one purpose. A signature (HMAC-SHA256, 32 bytes) also serves as a key for what it is the label of."""

    def __init__(self, secret: SecretStr, purpose: SigningLabel | str) -> None:
        """`purpose`: one from before by its label; a new one by a name, from which its key is derived (RFC 5869)."""
        self._key = secret.get_secret_value().encode()
        self._label = b""
        if isinstance(purpose, SigningLabel):
            self._label = purpose.value
        else:
            extracted = hmac.digest(bytes(32), self._key, "sha256")
            self._key = hmac.digest(extracted, purpose.encode() + b"\1", "sha256")

    def sign(self, message: bytes = b"") -> bytes:
        return hmac.digest(self._key, self._label + message, "sha256")


def is_same_signature(given: str, right: str) -> bool:
    """Compare in a time that tells nothing. `given`: any text, as clients send it; `right`: ASCII."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode("ascii"))
