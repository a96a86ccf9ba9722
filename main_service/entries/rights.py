"""Who may see and change an entry: its owner, or for a guest's entry whoever has its manage token."""

from dataclasses import dataclass
from uuid import UUID

from main_service.entries.live_entry import LiveEntry
from main_service.entries.manage_tokens import ManageTokens
from main_service.entries.models import Entry, Visibility
from main_service.errors import NotOwnerError, SignInRequiredError


@dataclass(frozen=True)
class Asker:
    """Who asks, as far as they have shown it. `account_id`: None for a guest."""

    account_id: UUID | None = None
    manage_token: str | None = None
    counts_own_visits: bool = True
    """Whether it counts as a visit when they read what they own."""

    def owns(self, entry: Entry | LiveEntry) -> bool:
        return entry.owner_id is not None and entry.owner_id == self.account_id

    def may_see(self, entry: Entry | LiveEntry) -> bool:
        """If not, nothing tells that the entry exists."""
        return entry.visibility is not Visibility.PRIVATE or self.owns(entry)


class Rights:
    def __init__(self, manage_tokens: ManageTokens) -> None:
        self._manage_tokens = manage_tokens

    def require_manager(self, entry: Entry | LiveEntry, asker: Asker) -> None:
        """Let pass who may change and delete the entry.

        Raises:
            SignInRequiredError, NotOwnerError: it belongs to an account, and the asker is a guest or another user.
            ManageTokenMissingError, ManageTokenWrongError: it is a guest's.
        """
        if entry.owner_id is None:
            self._manage_tokens.check(entry.key, asker.manage_token)
        elif asker.account_id is None:
            raise SignInRequiredError
        elif not asker.owns(entry):
            raise NotOwnerError

    def is_manager(self, entry: Entry | LiveEntry, asker: Asker) -> bool:
        """Whether it is shown all of the entry. A manage token that is given must be right.

        Raises:
            As `require_manager`, for a manage token that does not open the entry.
        """
        if asker.owns(entry):
            return True
        if asker.manage_token:
            self.require_manager(entry, asker)
            return True
        return False
