"""Checks before an account changes: its row is locked, its email is confirmed, its password is given again.

The password protects against stolen sessions; wrong ones are counted per session.
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
    """The account, its row locked until the transaction ends.

    `session_epoch`: the account's when the request was authenticated; None: not compared.

    Raises:
        TokenInvalidError: the account was disabled or deleted, or its sessions were revoked, since the request came.
    """
    account = await storage.find_for_update(session, account_id)
    if account is None or not account.is_open:
        raise TokenInvalidError
    if session_epoch is not None and account.session_epoch != session_epoch:
        raise TokenInvalidError
    return account


async def get_linked_account(session: Session, account_id: str) -> Account:
    """The account whose id stands in the link of an email.

    Raises:
        LinkInvalidError: it is no id, or the account is disabled or deleted.
    """
    try:
        account = await storage.find(session, UUID(account_id))
    except ValueError as error:
        raise LinkInvalidError from error
    if account is None or not account.is_open:
        raise LinkInvalidError
    return account


async def revoke_access(session: Session, account: Account) -> None:
    """Revoke all sessions and delete all API tokens of an account."""
    await storage.change(session, account, {"session_epoch": account.session_epoch + 1})
    await storage.delete_tokens(session, account.id)


def require_confirmed(account: Account, settings: Settings) -> None:
    """Return if the account may create entries.

    Raises:
        AddressUnconfirmedError: its email is not confirmed, and the settings require that.
    """
    if settings.require_verified and not account.is_verified:
        raise AddressUnconfirmedError


@dataclass(frozen=True)
class GivenPassword:
    """The current password as a signed-in user typed it, and the session in which it was typed."""

    text: str = field(repr=False)
    session_id: UUID


class Reauthenticator:
    """Asks signed-in users for their password once more, before what a stolen session must not do."""

    def __init__(self, *, session: Session, passwords: ClientPasswords) -> None:
        self._session = session
        self._passwords = passwords

    async def check(self, account_id: UUID, password: GivenPassword) -> Account:
        """The account, if this is its password. The transaction so far is committed.

        Raises:
            CredentialsWrongError: the password is wrong.
            TooManyAttemptsError: it was wrong too often in this session.
            TokenInvalidError: there is no such account any more.
            PasswordsBusyError: too many passwords wait to be checked.
        """
        account = await storage.find(self._session, account_id)
        if account is None:
            raise TokenInvalidError
        # The connection to PostgreSQL goes back to the pool while the password is hashed.
        await self._session.commit()
        await self._passwords.check_in_session(password.text, account.hashed_password, session_id=password.session_id)
        return account

    async def lock(self, account_id: UUID, hashed_password: str) -> Account:
        """The account, its row locked, if `hashed_password`, which was checked, is still its password.

        Raises:
            CredentialsWrongError: the password was changed meanwhile.
            TokenInvalidError: the account was disabled or deleted meanwhile.
        """
        account = await lock_account(self._session, account_id)
        if account.hashed_password != hashed_password:
            raise CredentialsWrongError
        return account

    async def check_and_lock(self, account_id: UUID, password: GivenPassword) -> Account:
        """The account, its row locked, if this is its password. Where slow work comes between, use the two methods.

        Raises:
            CredentialsWrongError: the password is wrong, or was changed meanwhile.
            TooManyAttemptsError: it was wrong too often in this session.
            TokenInvalidError: the account was disabled or deleted.
            PasswordsBusyError: too many passwords wait to be checked.
        """
        verified = (await self.check(account_id, password)).hashed_password
        return await self.lock(account_id, verified)
