"""Deleting one's account."""

from uuid import UUID

from main_service.accounts import storage
from main_service.accounts.password_again import PasswordAgain
from main_service.database import Session
from main_service.rate_limits import Address


class AccountLeaver:
    def __init__(self, *, session: Session, password_again: PasswordAgain) -> None:
        self._session = session
        self._password_again = password_again

    async def leave(self, account_id: UUID, *, password: str, address: Address, leaves_entries: bool) -> None:
        """End an account for good: its address and user name are free, its sessions and tokens ended.

        What is left is a nameless row, until its entries are taken care of, by `leaves_entries`.

        Raises:
            CredentialsWrongError: this is not the password.
            TooManyAttemptsError: too many attempts have failed.
        """
        account = await self._password_again.check_and_lock(account_id, password, address=address)
        await storage.leave(self._session, account, leaves_entries=leaves_entries)
