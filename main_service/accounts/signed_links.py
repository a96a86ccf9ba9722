"""Tokens in the links of emails. Nothing is stored; a token expires, or becomes void when its account changes.

A token is `<base64url(JSON)>-<hex HMAC-SHA256>`, split at its last hyphen. The signature covers the purpose, so that a
token for one purpose is void for another, and a `state` of the caller's, which voids the token when it changes.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from main_service.accounts.errors import LinkInvalidError
from main_service.engines.signing import Signer, SigningLabel, is_same_signature
from main_service.settings import Settings


class Purpose(StrEnum):
    CONFIRM = "confirm"
    """Its claims: `[email]`."""
    CONFIRM_NEW = "confirm_new"
    """Its claims: `[account id, new email, fingerprint of the state that voids it]`."""
    RESET = "reset"
    """Its claims: `[account id]`."""
    REPORT = "report"
    """Its claims: `[report id]`."""


class SignedLinks:
    """Signs the tokens of links and checks them."""

    def __init__(self, settings: Settings) -> None:
        self._public_url = settings.public_url
        self._signer = Signer(settings.secret, SigningLabel.EMAIL_LINK)
        self._state_signer = Signer(settings.secret, SigningLabel.EMAIL_LINK_STATE)

    def sign(self, purpose: Purpose, claims: list[str], *, lifetime: timedelta, state: str = "") -> str:
        """A token with these claims, void for another `purpose`, after `lifetime`, or when `state` has changed."""
        expires_at = int((datetime.now(UTC) + lifetime).timestamp())
        payload = json.dumps([*claims, expires_at], separators=(",", ":")).encode()
        return f"{urlsafe_b64encode(payload).decode().rstrip('=')}-{self._signature(purpose, payload, state)}"

    def url(self, *path: str) -> str:
        """The whole URL of a page of this service."""
        return "/".join((self._public_url, *path))

    def fingerprint(self, state: str) -> str:
        """`state` as a claim that gives nothing away, for links that must be understood after it has changed."""
        return self._state_signer.sign(state.encode()).hex()[:32]

    def read(self, token: str) -> list[str]:
        """The claims of a token. Trust them only after `check`.

        Raises:
            LinkInvalidError: it does not look like a token.
        """
        payload = _payload(token)
        return [str(claim) for claim in _parsed(payload)[:-1]]

    def check(self, purpose: Purpose, token: str, *, state: str = "") -> None:
        """Return if the token was signed for this `purpose` and `state` and has not expired.

        Raises:
            LinkInvalidError: it is forged, cut off, for another purpose or state, or has expired.
        """
        payload, signature = _payload(token), token.rpartition("-")[2]
        if not is_same_signature(signature, self._signature(purpose, payload, state)):
            raise LinkInvalidError
        if int(_parsed(payload)[-1]) <= datetime.now(UTC).timestamp():
            raise LinkInvalidError

    def _signature(self, purpose: Purpose, payload: bytes, state: str) -> str:
        return self._signer.sign(b"\0".join((purpose.value.encode(), payload, state.encode()))).hex()


def _payload(token: str) -> bytes:
    encoded = token.rpartition("-")[0]
    try:
        return urlsafe_b64decode(encoded.encode("ascii") + b"=" * (-len(encoded) % 4))
    except ValueError as error:
        raise LinkInvalidError from error


def _parsed(payload: bytes) -> list[str | int]:
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise LinkInvalidError from error
    if not isinstance(parsed, list) or not parsed or not isinstance(parsed[-1], int):
        raise LinkInvalidError
    return parsed
