"""How an account comes to be, and how its address is confirmed.

Nothing here tells a stranger whether an address has an account: who asks about one that has none gets the same answer,
in the same time.
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
    email: str
    username: str | None
    password: str = field(repr=False)


@dataclass(frozen=True)
class Confirmation:
    """What the link in an email confirms."""

    email: str
    is_new_email: bool
    """The account has another one until this is confirmed."""
    is_done: bool
    """It was confirmed before; doing it again changes nothing."""


class AccountRegistrar:
    def __init__(self, *, session: Session, passwords: ClientPasswords, emails: AccountEmails) -> None:
        self._session = session
        self._passwords = passwords
        self._emails = emails

    async def register(self, new: NewAccount) -> None:
        """Make an account and send its owner a link to confirm the address; or tell the owner of one that exists.

        Raises:
            InvalidInputError: the password is no good.
            TooManyRegistrationsError: the client has registered too many.
            EmailUndeliverableError: the mail server can't send to the address.
            UsernameTakenError: an account has this user name, be it the one that has the address: else the two would be
                known to belong together.
        """
        require_good_password(new.password, email=new.email, username=new.username)
        await self._emails.allowance.take_registration()
        await self._emails.require_deliverable(new.email)
        await self._require_free(new.username)
        # No connection is held while the hash is worked on.
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
            # It was deleted within this moment; who asks again registers it.
            return
        await self._emails.send_address_taken(owner.email)

    async def preview_confirmation(self, token: str) -> Confirmation:
        """What `confirm` would do. Nothing is changed: programs that scan mail open links too.

        Raises:
            LinkInvalidError: as `confirm`.
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
        """Confirm the address that an email was sent to; again is harmless.

        The first confirmation ends all sessions and tokens: whoever registered a stranger's address is out.

        Raises:
            LinkInvalidError: the token is forged, over, or its address has no account any more.
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
        """Send the link once more, if the address has an account that waits for it.

        Raises:
            TooManyEmailsError: the client has caused too many emails.
        """
        await self._emails.allowance.take_email()
        account = await storage.find_by_email(self._session, email)
        if account is not None and account.is_open and not account.is_verified:
            await self._emails.send_confirmation(account.id, account.email, account.username)

    async def resend_own_confirmation(self, account_id: UUID) -> Account:
        """Send the link once more to the owner of the account, unless it is confirmed by now.

        Raises:
            EmailJustSentError: it was sent within the last minutes.
            TooManyEmailsError: the client has caused too many emails, or too many of these were sent to the address.
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
