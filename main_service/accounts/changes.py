"""What owners change about their accounts: password, user name, address, and whether there is one at all."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from main_service.accounts import storage
from main_service.accounts.account_guards import (
    GivenPassword,
    Reauthenticator,
    get_linked_account,
    lock_account,
    revoke_access,
)
from main_service.accounts.credential_rules import require_good_password
from main_service.accounts.emails import AccountEmails, password_state, seconds_to_next
from main_service.accounts.errors import (
    AddressUnconfirmedError,
    EmailJustSentError,
    UsernameTakenError,
)
from main_service.accounts.models import Account
from main_service.accounts.sign_in_limits import ClientPasswords
from main_service.accounts.signed_links import Purpose
from main_service.engines.postgres import Session


class AccountChanger:
    def __init__(
        self, *, session: Session, passwords: ClientPasswords, reauthenticator: Reauthenticator, emails: AccountEmails
    ) -> None:
        self._session = session
        self._passwords = passwords
        self._reauthenticator = reauthenticator
        self._emails = emails

    async def forgot_password(self, email: str) -> None:
        """Send a link to set a new password, if the address has an account. Nobody is told whether it has.

        Raises:
            TooManyEmailsError: the client has caused too many emails.
        """
        await self._emails.allowance.take_email()
        account = await storage.find_by_email(self._session, email)
        if account is not None and account.is_open:
            await self._emails.send_password_reset(account)

    async def check_reset_link(self, token: str) -> None:
        """Let pass a link that `reset_password` would take. Nothing is changed.

        Raises:
            LinkInvalidError: the token is forged, over or used.
        """
        await self._find_by_reset_link(token)

    async def reset_password(self, token: str, password: str) -> None:
        """Set a new password by the link in an email, which also confirms the address, and end all sessions and tokens.

        Raises:
            LinkInvalidError: the token is forged, over or used.
            InvalidInputError: the password is no good.
        """
        account = await self._find_by_reset_link(token)
        require_good_password(password, email=account.email, username=account.username)
        # No connection is held while the hash is worked on.
        await self._session.commit()
        hashed_password = await self._passwords.hash(password)
        account = await lock_account(self._session, account.id)
        # It may have been used by another request meanwhile.
        self._emails.links.check(Purpose.RESET, token, state=password_state(account))
        await storage.change(self._session, account, {"hashed_password": hashed_password, "is_verified": True})
        await revoke_access(self._session, account)
        for name in filter(None, (account.email, account.username)):
            await self._passwords.forget_failures(name)

    async def _find_by_reset_link(self, token: str) -> Account:
        account = await get_linked_account(self._session, "".join(self._emails.links.read(token)[:1]))
        self._emails.links.check(Purpose.RESET, token, state=password_state(account))
        return account

    async def change_password(self, account_id: UUID, *, password: GivenPassword, new_password: str) -> Account:
        """Set a new password, by the old one, and end all sessions and tokens.

        Raises:
            CredentialsWrongError: `password` is not the present one.
            InvalidInputError: the new one is no good.
        """
        account = await self._reauthenticator.check(account_id, password)
        verified = account.hashed_password
        require_good_password(new_password, email=account.email, username=account.username, field="new_password")
        hashed_password = await self._passwords.hash(new_password)
        account = await self._reauthenticator.lock(account_id, verified)
        await storage.change(self._session, account, {"hashed_password": hashed_password})
        await revoke_access(self._session, account)
        return account

    async def change_username(self, account_id: UUID, username: str | None, *, session_epoch: int) -> Account:
        """Raises:
        UsernameTakenError: another account has it.
        """
        account = await lock_account(self._session, account_id, session_epoch=session_epoch)
        if not await storage.rename(self._session, account, {"username": username}):
            raise UsernameTakenError
        return account

    async def count_own_visits(self, account_id: UUID, *, counts: bool, session_epoch: int) -> Account:
        """Let the owner's visits to entries of their own count from now on, or not."""
        account = await lock_account(self._session, account_id, session_epoch=session_epoch)
        await storage.change(self._session, account, {"counts_own_visits": counts})
        return account

    async def send_daily_report(self, account_id: UUID, *, is_sent: bool, session_epoch: int) -> Account:
        """Turn the daily email about visits on, from today's, or off.

        Raises:
            AddressUnconfirmedError: none would be sent to an address that is not confirmed.
        """
        account = await lock_account(self._session, account_id, session_epoch=session_epoch)
        if is_sent and not account.is_verified:
            raise AddressUnconfirmedError("Confirm your email before you turn on the daily report.")
        if is_sent and not account.daily_report:
            yesterday = datetime.now(UTC).date() - timedelta(days=1)
            await storage.change(self._session, account, {"daily_report": True, "daily_report_day": yesterday})
        elif not is_sent:
            await storage.change(self._session, account, {"daily_report": False})
        return account

    async def ask_to_change_email(self, account_id: UUID, email: str, *, password: GivenPassword) -> None:
        """Send a link to the new address, which changes it once it is opened, and tell the old one.

        Raises:
            CredentialsWrongError: this is not the password.
            EmailUndeliverableError: the mail server can't send to the new address.
            EmailJustSentError: the same was asked for within the last minutes, and the link that was sent still works.
            TooManyEmailsError: the client has caused too many emails, or too many were sent to one of both addresses.
        """
        await self._emails.allowance.take_email()
        await self._emails.require_deliverable(email)
        account = await self._reauthenticator.check_and_lock(account_id, password)
        is_free = await storage.find_by_email(self._session, email) is None
        if not await self._emails.send_address_change(account, email, is_free=is_free):
            raise EmailJustSentError(retry_after_seconds=seconds_to_next())


class AccountDeleter:
    def __init__(self, *, session: Session, reauthenticator: Reauthenticator) -> None:
        self._session = session
        self._reauthenticator = reauthenticator

    async def delete(self, account_id: UUID, *, password: GivenPassword, keeps_entries: bool) -> None:
        """Delete an account: its address and user name are free, its sessions and tokens end.

        What stays is a row without name, until its entries are ended or, with `keeps_entries`, released.

        Raises:
            CredentialsWrongError: this is not the password.
            TooManyAttemptsError: too many attempts have failed.
        """
        account = await self._reauthenticator.check_and_lock(account_id, password)
        await storage.mark_deleted(self._session, account, keeps_entries=keeps_entries)
