"""Permissions: an entry is seen and changed by its owner, or for a guest's entry the bearer of its manage token.

A manage token is a signature of the key, so nothing is stored and it can be made again. That is sound only because a
key is never given twice. What takes a token back is the generation, which a claim raises: it is signed too.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from main_service.engines.signing import Signer, SigningLabel, is_same_signature
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError, NotOwnerError
from main_service.entries.models import Entry, Visibility
from main_service.errors import SignInRequiredError
from main_service.settings import Settings


class ManageTokens:
    """Makes and checks manage tokens."""

    def __init__(self, settings: Settings) -> None:
        self._signer = Signer(settings.secret, SigningLabel.MANAGE_TOKEN)

    def token_for(self, key: str, generation: int = 0) -> str:
        """The only token that opens the entry of `key` after `generation` claims: 43 characters of base64url."""
        # No key has a colon in it, so that this signs no other key.
        signed = f"{key}:{generation}" if generation else key
        return urlsafe_b64encode(self._signer.sign(signed.encode())).rstrip(b"=").decode("ascii")

    def token_of(self, entry: LiveEntry) -> str | None:
        """The token that is handed out with a new entry, and again to a repeated request.

        None: the entry belongs to an account, or did once, so that no token from before may open it.
        """
        return self.token_for(entry.key) if entry.owner_id is None and entry.manage_generation == 0 else None

    def check(self, key: str, token: str | None, generation: int = 0) -> None:
        """Check that `token` opens the entry of `key` after `generation` claims.

        Raises:
            ManageTokenMissingError: there is no token.
            ManageTokenWrongError: it belongs to another entry, is from before a claim, or is forged.
        """
        if not token:
            raise ManageTokenMissingError
        if not is_same_signature(token, self.token_for(key, generation)):
            raise ManageTokenWrongError


@dataclass(frozen=True)
class Actor:
    """The user or guest who reads or changes something, as far as the request proves it."""

    account_id: UUID | None = None
    """None: a guest."""
    manage_token: str | None = None
    counts_own_visits: bool = True
    """Whether their reading of their own entries counts as visits."""
    has_bearer_token: bool = False
    """Whether the request carries a valid access token or API token."""

    def owns(self, entry: Entry | LiveEntry) -> bool:
        return entry.owner_id is not None and entry.owner_id == self.account_id

    def may_see(self, entry: Entry | LiveEntry) -> bool:
        """Whether they may learn that the entry exists."""
        return entry.visibility is not Visibility.PRIVATE or self.owns(entry)


class EntryPolicy:
    """Decides who may change an entry: its owner, or for a guest's entry the bearer of its manage token."""

    def __init__(self, manage_tokens: ManageTokens) -> None:
        self._manage_tokens = manage_tokens

    def require_may_manage(self, entry: Entry | LiveEntry, actor: Actor) -> None:
        """Check that the actor may change and delete the entry.

        Raises:
            SignInRequiredError, NotOwnerError: it belongs to an account, and the actor is a guest or another user.
            ManageTokenMissingError, ManageTokenWrongError: it is a guest's.
        """
        if entry.owner_id is None:
            self._manage_tokens.check(entry.key, actor.manage_token, entry.manage_generation)
        elif actor.account_id is None:
            raise SignInRequiredError
        elif not actor.owns(entry):
            raise NotOwnerError

    def may_manage(self, entry: Entry | LiveEntry, actor: Actor) -> bool:
        """Whether the actor is shown all of the entry. A manage token that is given must be right.

        Raises:
            ManageTokenWrongError, SignInRequiredError, NotOwnerError: the manage token does not open the entry.
        """
        if actor.owns(entry):
            return True
        if actor.manage_token:
            self.require_may_manage(entry, actor)
            return True
        return False
