"""The password again, before what a stolen session must not do. Failures count as those of signing in."""

from uuid import UUID

from main_service.accounts import storage
from main_service.accounts.models import Account
from main_service.accounts.reauthentication import lock
from main_service.accounts.sign_in_limits import SignInLimits
from main_service.database import Session
from main_service.errors import CredentialsWrongError, TokenInvalidError
from main_service.passwords import Passwords
from main_service.rate_limits import Address


class PasswordAgain:
    def __init__(self, *, session: Session, passwords: Passwords, limits: SignInLimits) -> None:
        self._session = session
        self._passwords = passwords
        self._limits = limits

    async def check(self, account_id: UUID, password: str, *, address: Address) -> Account:
        """The account, if this is its password. The transaction so far ends here.

        Raises:
            CredentialsWrongError: it is not.
            TooManyAttemptsError: too many attempts have failed.
        """
        account = await storage.find(self._session, account_id)
        if account is None:
            raise TokenInvalidError
        # No connection is held while the hash is worked on.
        await self._session.commit()
        await self._limits.require_room(account.email, address)
        if not await self._passwords.verify(password, account.hashed_password):
            await self._limits.note_failure(account.email, address)
            raise CredentialsWrongError
        return account

    async def lock(self, account_id: UUID, hashed_password: str) -> Account:
        """The account, locked, if its password is still the one that was checked: a reset may have been faster.

        Raises:
            CredentialsWrongError: it is another one now.
        """
        account = await lock(self._session, account_id)
        if account.hashed_password != hashed_password:
            raise CredentialsWrongError
        return account

    async def check_and_lock(self, account_id: UUID, password: str, *, address: Address) -> Account:
        """Both, where nothing slow comes between them."""
        verified = (await self.check(account_id, password, address=address)).hashed_password
        return await self.lock(account_id, verified)
