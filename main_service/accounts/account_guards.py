"""What a change of an account asks for first: the locked row, a confirmed address, the password again.

The password protects what a stolen session must not do; failures are counted for the session.
"""

from dataclasses import dataclass, field
from uuid import UUID

from main_service.accounts import storage
from main_service.accounts.errors import (
    AddressUnconfirmedError,
    CredentialsWrongError,
    LinkInvalidError,
    TokenInvalidError,
)
from main_service.accounts.models import Account
from main_service.accounts.sign_in_limits import ClientPasswords
from main_service.engines.postgres import Session
from main_service.settings import Settings


async def lock_account(session: Session, account_id: UUID, *, session_epoch: int | None = None) -> Account:
    """The account, locked until the transaction ends.

    `session_epoch`: as it was when the request was let in; a session that was ended since does nothing more.

    Raises:
        TokenInvalidError: it stands no more, or the session was ended.
    """
    account = await storage.find_for_update(session, account_id)
    if account is None or not account.is_open:
        raise TokenInvalidError
    if session_epoch is not None and account.session_epoch != session_epoch:
        raise TokenInvalidError
    return account


async def get_linked_account(session: Session, account_id: str) -> Account:
    """The account that the link in an email names.

    Raises:
        LinkInvalidError: it is no id, or the account stands no more.
    """
    try:
        account = await storage.find(session, UUID(account_id))
    except ValueError as error:
        raise LinkInvalidError from error
    if account is None or not account.is_open:
        raise LinkInvalidError
    return account


async def revoke_access(session: Session, account: Account) -> None:
    """End all sessions and API tokens."""
    await storage.change(session, account, {"session_epoch": account.session_epoch + 1})
    await storage.delete_tokens(session, account.id)


def require_confirmed(account: Account, settings: Settings) -> None:
    """Let pass who may create entries.

    Raises:
        AddressUnconfirmedError: the address has to be confirmed first, and is not.
    """
    if settings.require_verified and not account.is_verified:
        raise AddressUnconfirmedError


@dataclass(frozen=True)
class GivenPassword:
    """What a signed-in user gives as the present password, and the session that it is given in."""

    text: str = field(repr=False)
    session_id: UUID


class Reauthenticator:
    def __init__(self, *, session: Session, passwords: ClientPasswords) -> None:
        self._session = session
        self._passwords = passwords

    async def check(self, account_id: UUID, password: GivenPassword) -> Account:
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
        await self._passwords.check_in_session(password.text, account.hashed_password, session_id=password.session_id)
        return account

    async def lock(self, account_id: UUID, hashed_password: str) -> Account:
        """The account, locked, if its password is still the one that was checked: a reset may have been faster.

        Raises:
            CredentialsWrongError: it is another one now.
        """
        account = await lock_account(self._session, account_id)
        if account.hashed_password != hashed_password:
            raise CredentialsWrongError
        return account

    async def check_and_lock(self, account_id: UUID, password: GivenPassword) -> Account:
        """Both, where nothing slow comes between them."""
        verified = (await self.check(account_id, password)).hashed_password
        return await self.lock(account_id, verified)
