"""Changes that users make to their own accounts: password, username, email, preferences."""

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


class AccountChangeService:
    """Changes an account on behalf of its user."""

    def __init__(
        self, *, session: Session, passwords: ClientPasswords, reauthenticator: Reauthenticator, emails: AccountEmails
    ) -> None:
        self._session = session
        self._passwords = passwords
        self._reauthenticator = reauthenticator
        self._emails = emails

    async def forgot_password(self, email: str) -> None:
        """Email a link to set a new password, if the address has an account. The caller must not tell whether it has.

        Raises:
            TooManyEmailsError: the client has caused too many emails.
        """
        await self._emails.allowance.take_email()
        account = await storage.find_by_email(self._session, email)
        if account is not None and account.is_open:
            await self._emails.send_password_reset(account)

    async def check_reset_link(self, token: str) -> None:
        """Return if `reset_password` would accept the token. Nothing changes.

        Raises:
            LinkInvalidError: the token is forged, has expired or was used.
        """
        await self._find_by_reset_link(token)

    async def reset_password(self, token: str, password: str) -> None:
        """Set a new password by the token of an emailed link, confirm the email, and end all sessions and API tokens.

        The transaction so far is committed.

        Raises:
            LinkInvalidError: the token is forged, has expired or was used.
            InvalidInputError: the password breaks a rule.
            TokenInvalidError: the account was disabled or deleted meanwhile.
            PasswordsBusyError: too many passwords wait to be hashed.
        """
        account = await self._find_by_reset_link(token)
        require_good_password(password, email=account.email, username=account.username)
        # The connection to PostgreSQL goes back to the pool while the password is hashed.
        await self._session.commit()
        hashed_password = await self._passwords.hash(password)
        account = await lock_account(self._session, account.id)
        # Another request may have used the link meanwhile.
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
        """Set a new password, given the current one, and end all sessions and API tokens.

        The transaction so far is committed. Returns the changed account, for which the caller may start a session.

        Raises:
            CredentialsWrongError: `password` is wrong.
            TooManyAttemptsError: it was wrong too often in this session.
            InvalidInputError: the new password breaks a rule.
            TokenInvalidError: the account was disabled or deleted.
            PasswordsBusyError: too many passwords wait to be checked or hashed.
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
        """Set the username; None takes it away. `session_epoch`: the account's when the request was authenticated.

        Raises:
            UsernameTakenError: another account has it. The transaction may have been rolled back.
            TokenInvalidError: the sessions were revoked, or the account disabled or deleted, since the request came.
        """
        account = await lock_account(self._session, account_id, session_epoch=session_epoch)
        if not await storage.rename(self._session, account, {"username": username}):
            raise UsernameTakenError
        return account

    async def count_own_visits(self, account_id: UUID, *, counts: bool, session_epoch: int) -> Account:
        """Count visits of users to their own entries from now on, or not.

        `session_epoch`: the account's when the request was authenticated.

        Raises:
            TokenInvalidError: the sessions were revoked, or the account disabled or deleted, since the request came.
        """
        account = await lock_account(self._session, account_id, session_epoch=session_epoch)
        await storage.change(self._session, account, {"counts_own_visits": counts})
        return account

    async def send_daily_report(self, account_id: UUID, *, is_sent: bool, session_epoch: int) -> Account:
        """Turn the daily email about visits on, beginning with today's visits, or off.

        `session_epoch`: the account's when the request was authenticated.

        Raises:
            AddressUnconfirmedError: it is turned on, and the email of the account is not confirmed.
            TokenInvalidError: the sessions were revoked, or the account disabled or deleted, since the request came.
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
        """Email a link to the new address, which is the account's once the link is used, and a notice to the old one.

        The transaction so far is committed.

        Raises:
            CredentialsWrongError: the password is wrong.
            TooManyAttemptsError: it was wrong too often in this session.
            EmailUndeliverableError: the mail server can't send to the new address.
            EmailJustSentError: the same was asked for within `RESEND_INTERVAL`; the link that was sent still works.
            TooManyEmailsError: the client has caused too many emails, or too many were sent to one of the addresses.
            TokenInvalidError: the account was disabled or deleted.
            PasswordsBusyError: too many passwords wait to be checked.
        """
        await self._emails.allowance.take_email()
        await self._emails.require_deliverable(email)
        account = await self._reauthenticator.check_and_lock(account_id, password)
        is_free = await storage.find_by_email(self._session, email) is None
        if not await self._emails.send_address_change(account, email, is_free=is_free):
            raise EmailJustSentError(retry_after_seconds=seconds_to_next())
