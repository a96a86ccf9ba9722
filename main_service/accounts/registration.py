"""Registers accounts and confirms their emails.

Nothing here tells a stranger whether an email has an account: the answer is the same for one that has none, and takes
as long.
"""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from main_service.accounts import storage
from main_service.accounts.account_guards import get_linked_account, lock_account, revoke_access
from main_service.accounts.credential_rules import require_good_password
from main_service.accounts.emails import AccountEmails, address_state, seconds_to_next
from main_service.accounts.errors import (
    EmailJustSentError,
    LinkInvalidError,
    UsernameTakenError,
)
from main_service.accounts.models import Account
from main_service.accounts.sign_in_limits import ClientPasswords
from main_service.accounts.signed_links import Purpose
from main_service.engines.postgres import Session


@dataclass(frozen=True)
class NewAccount:
    """What a person registers with."""

    email: str
    username: str | None
    password: str = field(repr=False)


@dataclass(frozen=True)
class Confirmation:
    """What the link in an email confirms."""

    email: str
    is_new_email: bool
    """Whether it replaces another email, which the account has until this one is confirmed."""
    is_done: bool
    """Whether it has been confirmed already."""


class RegistrationService:
    """Registers accounts, and confirms their emails by links."""

    def __init__(self, *, session: Session, passwords: ClientPasswords, emails: AccountEmails) -> None:
        self._session = session
        self._passwords = passwords
        self._emails = emails

    async def register(self, new: NewAccount) -> None:
        """Create an account and email a link to confirm its address; if it has an account, tell its owner by email.

        The transaction so far is committed.

        Raises:
            InvalidInputError: the password breaks a rule.
            TooManyRegistrationsError: the client has registered too many, or caused too many emails.
            EmailUndeliverableError: the mail server can't send to the address.
            UsernameTakenError: an account has this username, be it the one with this email: letting that pass would
                tell that the two belong together.
            PasswordsBusyError: too many passwords wait to be hashed.
        """
        require_good_password(new.password, email=new.email, username=new.username)
        await self._emails.allowance.take_registration()
        await self._emails.require_deliverable(new.email)
        await self._require_free(new.username)
        # The connection to PostgreSQL goes back to the pool while the password is hashed.
        await self._session.commit()
        hashed_password = await self._passwords.hash(new.password)
        account_id = uuid4()
        if await storage.create(
            self._session,
            account_id=account_id,
            email=new.email,
            username=new.username,
            hashed_password=hashed_password,
        ):
            await self._emails.send_confirmation(account_id, new.email, new.username)
            return
        await self._require_free(new.username)
        owner = await storage.find_by_email(self._session, new.email)
        if owner is None:
            # It was deleted within this moment; registering again succeeds.
            return
        await self._emails.send_address_taken(owner.email)

    async def preview_confirmation(self, token: str) -> Confirmation:
        """What `confirm` would do. Nothing changes: programs that scan emails open links too.

        Raises:
            LinkInvalidError: the token is forged, has expired, or the account or its email has changed since.
        """
        claims = self._checked(token)
        if len(claims) == 3:
            account_id, email, fingerprint = claims
            account = await get_linked_account(self._session, account_id)
            is_done = self._has_confirmed(account, email)
            if not is_done:
                self._require_unchanged(account, fingerprint)
                if await storage.find_by_email(self._session, email) not in (None, account):
                    raise LinkInvalidError
            return Confirmation(email, is_new_email=True, is_done=is_done)
        email = "".join(claims)
        found = await storage.find_by_email(self._session, email)
        if found is None:
            raise LinkInvalidError
        return Confirmation(email, is_new_email=False, is_done=found.is_verified)

    async def confirm(self, token: str) -> None:
        """Confirm the address that an email was sent to. Harmless if repeated.

        The first confirmation ends all sessions and API tokens, for a stranger may have registered the address.

        Raises:
            LinkInvalidError: the token is forged, has expired, or the account or its email has changed since.
        """
        claims = self._checked(token)
        if len(claims) == 3:
            await self._confirm_new_email(*claims)
            return
        email = "".join(claims)
        found = await storage.find_by_email(self._session, email)
        account = found and await storage.find_for_update(self._session, found.id)
        # The address may have been changed until the row was locked.
        if account is None or await storage.find_by_email(self._session, email) is None:
            raise LinkInvalidError
        if not account.is_verified:
            await storage.change(self._session, account, {"is_verified": True})
            await revoke_access(self._session, account)

    async def resend_confirmation(self, email: str) -> None:
        """Email the link again, if the address has an account that is not confirmed.

        Raises:
            TooManyEmailsError: the client has caused too many emails.
        """
        await self._emails.allowance.take_email()
        account = await storage.find_by_email(self._session, email)
        if account is not None and account.is_open and not account.is_verified:
            await self._emails.send_confirmation(account.id, account.email, account.username)

    async def resend_own_confirmation(self, account_id: UUID) -> Account:
        """Email the link again to the user who asks. Returns the account; nothing is sent if it is confirmed by now.

        Raises:
            EmailJustSentError: the email was sent within `RESEND_INTERVAL`.
            TooManyEmailsError: the client has caused too many emails, or too many of these were sent to the address.
            TokenInvalidError: the account was disabled or deleted.
        """
        await self._emails.allowance.take_email()
        account = await lock_account(self._session, account_id)
        if not account.is_verified and not await self._emails.send_confirmation(
            account.id, account.email, account.username, tells_limit=True
        ):
            raise EmailJustSentError(retry_after_seconds=seconds_to_next())
        return account

    async def _confirm_new_email(self, account_id: str, email: str, fingerprint: str) -> None:
        account = await get_linked_account(self._session, account_id)
        account = await lock_account(self._session, account.id)
        if self._has_confirmed(account, email):
            return
        self._require_unchanged(account, fingerprint)
        if not await storage.rename(self._session, account, {"email": email, "is_verified": True}):
            raise LinkInvalidError
        await revoke_access(self._session, account)

    def _checked(self, token: str) -> list[str]:
        """The claims of a link: `[email]`, or `[account id, new email, fingerprint]`."""
        claims = self._emails.links.read(token)
        self._emails.links.check(Purpose.CONFIRM_NEW if len(claims) == 3 else Purpose.CONFIRM, token)
        return claims

    def _has_confirmed(self, account: Account, email: str) -> bool:
        return account.email == email and account.is_verified

    def _require_unchanged(self, account: Account, fingerprint: str) -> None:
        if fingerprint != self._emails.links.fingerprint(address_state(account)):
            raise LinkInvalidError

    async def _require_free(self, username: str | None) -> None:
        if username is not None and await storage.find_by_username(self._session, username) is not None:
            raise UsernameTakenError
