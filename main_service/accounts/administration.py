"""What superusers do with other accounts, and how an account becomes a superuser's."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from main_service.accounts import storage
from main_service.accounts.credential_rules import require_good_password
from main_service.accounts.emails import AccountEmails
from main_service.accounts.errors import OwnAccountError, TokenInvalidError, UsernameTakenError
from main_service.accounts.models import Account
from main_service.accounts.registration import NewAccount
from main_service.accounts.sign_in_limits import ClientPasswords
from main_service.engines.postgres import Session
from main_service.errors import FieldError, InvalidInputError, NotFoundError


class AccountAdministration:
    """Services for superusers. Callers have made sure that a superuser asks."""

    def __init__(self, *, session: Session, passwords: ClientPasswords, emails: AccountEmails) -> None:
        self._session = session
        self._passwords = passwords
        self._emails = emails

    async def list(self, *, email: str | None = None, username: str | None = None) -> Sequence[Account]:
        """The account with this email or else this username, in any case; empty if there is none. At most one."""
        if email is not None:
            account = await storage.find_by_email(self._session, email)
        else:
            account = await storage.find_by_username(self._session, username or "")
        return [] if account is None or account.deleted_at is not None else [account]

    async def disable(self, account_id: UUID, *, asker_id: UUID, asker_epoch: int) -> None:
        """End all sessions of an account, and refuse sign-ins and its API tokens until it is enabled.

        `asker_id`, `asker_epoch`: the superuser and their session epoch when the request was authenticated.

        Raises:
            NotFoundError: there is no such account, or it was deleted.
            OwnAccountError: it is the superuser's own, who would be locked out.
            TokenInvalidError: the superuser has been disabled meanwhile.
        """
        if account_id == asker_id:
            raise OwnAccountError
        account = await self._lock(account_id, asker_id=asker_id, asker_epoch=asker_epoch)
        changes = {"is_active": False, "session_epoch": account.session_epoch + 1}
        await storage.change(self._session, account, changes)

    async def enable(self, account_id: UUID, *, asker_id: UUID, asker_epoch: int) -> None:
        """Accept sign-ins and API tokens of an account again. Its sessions have ended for good.

        `asker_id`, `asker_epoch`: the superuser and their session epoch when the request was authenticated.

        Raises:
            NotFoundError: there is no such account, or it was deleted.
            TokenInvalidError: the superuser has been disabled meanwhile.
        """
        account = await self._lock(account_id, asker_id=asker_id, asker_epoch=asker_epoch)
        await storage.change(self._session, account, {"is_active": True})

    async def create_superuser(self, new: NewAccount) -> None:
        """Create a superuser's account, its email confirmed.

        Raises:
            InvalidInputError: the password breaks a rule, or the email has an account already (`email_taken`).
            EmailUndeliverableError: the mail server can't send to the address.
            UsernameTakenError: another account has this username.
        """
        await self._emails.require_deliverable(new.email)
        require_good_password(new.password, email=new.email, username=new.username)
        is_new = await storage.create(
            self._session,
            account_id=uuid4(),
            email=new.email,
            username=new.username,
            hashed_password=await self._passwords.hash(new.password),
            is_superuser=True,
            is_verified=True,
        )
        if is_new:
            return
        if await storage.find_by_email(self._session, new.email) is not None:
            raise _refusal("email", "email_taken", "This email already has an account.")
        raise UsernameTakenError

    async def promote(self, email: str) -> None:
        """Make the account with this email a superuser's.

        Raises:
            InvalidInputError: the email has no account (`no_account`), or is not confirmed (`email_unconfirmed`).
        """
        found = await storage.find_by_email(self._session, email)
        account = found and await storage.find_for_update(self._session, found.id)
        if account is None or account.deleted_at is not None:
            raise _refusal("email", "no_account", "This email has no account.")
        if not account.is_verified:
            sentence = (
                "This address is not confirmed, so a stranger may have registered it. "
                "Confirm it first, by the link in its email or by setting a new password."
            )
            raise _refusal("email", "email_unconfirmed", sentence)
        await storage.change(self._session, account, {"is_superuser": True})

    async def _lock(self, account_id: UUID, *, asker_id: UUID, asker_epoch: int) -> Account:
        """The account. Both rows are locked, so that of two superusers who disable each other at once one stays.

        Raises:
            NotFoundError: there is no such account, or it was deleted.
            TokenInvalidError: the superuser has been disabled meanwhile.
        """
        locked = {account.id: account for account in await storage.lock_present(self._session, {account_id, asker_id})}
        asker = locked.get(asker_id)
        if asker is None or not asker.is_open or asker.session_epoch != asker_epoch:
            raise TokenInvalidError
        if account_id not in locked:
            raise NotFoundError
        return locked[account_id]


def _refusal(field: str, code: str, sentence: str) -> InvalidInputError:
    return InvalidInputError(fields=[FieldError(field, code, sentence)])
