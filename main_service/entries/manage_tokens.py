"""Manage tokens: who has one may change or delete the entry it was given for.

A token is a signature of the key, so nothing is stored and it can be made again. That is sound only because a key is
never given twice.
"""

import hmac
from base64 import urlsafe_b64encode

from main_service.entries.live_entry import LiveEntry
from main_service.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.settings import Settings


class ManageTokens:
    def __init__(self, settings: Settings) -> None:
        self._secret = settings.secret.get_secret_value().encode()

    def token_for(self, key: str) -> str:
        """The one token of `key`: 43 characters of base64url."""
        signature = hmac.digest(self._secret, b"manage:" + key.encode(), "sha256")
        return urlsafe_b64encode(signature).rstrip(b"=").decode("ascii")

    def token_of(self, entry: LiveEntry) -> str | None:
        """The token that is given out with a new entry; None: it belongs to an account, and no token opens it."""
        return self.token_for(entry.key) if entry.owner_id is None else None

    def check(self, key: str, token: str | None) -> None:
        """Let pass whoever has the token of `key`.

        Raises:
            ManageTokenMissingError: there is no token.
            ManageTokenWrongError: it is another entry's, or forged.
        """
        if not token:
            raise ManageTokenMissingError
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token_for(key).encode("ascii")):
            raise ManageTokenWrongError
