"""What can be done with accounts: register, confirm, sign in, change, delete.

Nothing here tells a stranger whether an address has an account: who asks about one that has none gets the same answer,
in the same time.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID, uuid4

from main_service import mail
from main_service.accounts import storage
from main_service.accounts.bearer_tokens import BearerTokens, TokenPair, Use
from main_service.accounts.models import Account
from main_service.accounts.password_rules import password_fault
from main_service.accounts.sign_in_limits import SignInLimits
from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.database import Session
from main_service.errors import (
    AccountDisabledError,
    CredentialsWrongError,
    FieldError,
    InvalidInputError,
    LinkInvalidError,
    TokenInvalidError,
    UsernameTakenError,
)
from main_service.passwords import Passwords

CONFIRM_LIFETIME = timedelta(hours=24)
RESET_LIFETIME = timedelta(hours=1)
LETTERS_EVERY = timedelta(minutes=5)
"""Nobody's inbox is filled by somebody who keeps asking: one letter of a kind in this time."""

Address = IPv4Address | IPv6Address | None


@dataclass(frozen=True)
class NewAccount:
    email: str
    username: str | None
    password: str


class AccountService:
    def __init__(
        self,
        *,
        session: Session,
        passwords: Passwords,
        links: SignedLinks,
        tokens: BearerTokens,
        limits: SignInLimits,
        public_url: str,
    ) -> None:
        self._session = session
        self._passwords = passwords
        self._links = links
        self._tokens = tokens
        self._limits = limits
        self._public_url = public_url

    async def register(self, new: NewAccount) -> None:
        """Make an account and send its owner a link to confirm the address; or tell the owner of one that exists.

        Raises:
            InvalidInputError: the password is no good.
            UsernameTakenError: another account has this user name.
        """
        _require_good_password(new.password, email=new.email, username=new.username)
        hashed_password = await self._passwords.hash(new.password)
        account_id = uuid4()
        if await storage.create(
            self._session,
            account_id=account_id,
            email=new.email,
            username=new.username,
            hashed_password=hashed_password,
        ):
            await self._post_confirm(new.email, new.username)
            return
        owner = await storage.find_by_email(self._session, new.email)
        if new.username and await self._is_name_of_another(new.username, owner.id if owner else None):
            raise UsernameTakenError
        if owner is None:
            # It was deleted within this moment; who asks again registers it.
            return
        await self._post(owner.email, "taken", {"link_reset": f"{self._public_url}/forgot"})

    async def confirm(self, token: str) -> None:
        """Confirm the address that a letter was sent to; again is harmless.

        The first confirmation ends all sessions and tokens: whoever registered a stranger's address is out.

        Raises:
            LinkInvalidError: the token is forged, over, or its address has no account any more.
        """
        claims = self._links.read(token)
        if len(claims) == 2:
            await self._confirm_new_email(token, *claims)
            return
        self._links.check(Purpose.CONFIRM, token)
        email = "".join(claims)
        found = await storage.find_by_email(self._session, email)
        account = found and await storage.find_for_update(self._session, found.id)
        # The address may have been changed until the row was locked.
        if account is None or await storage.find_by_email(self._session, email) is None:
            raise LinkInvalidError
        if not account.is_verified:
            await storage.change(self._session, account, {"is_verified": True})
            await self._end_sessions(account)

    async def resend_confirmation(self, email: str) -> None:
        """Send the link once more, if the address has an account that waits for it."""
        account = await storage.find_by_email(self._session, email)
        if account is not None and account.is_active and not account.is_verified:
            await self._post_confirm(account.email, account.username)

    async def sign_in(self, name: str, password: str, *, address: Address) -> Account:
        """The account of an e-mail or user name and its password.

        Raises:
            CredentialsWrongError: there is no such account, or this is not its password.
            AccountDisabledError: it is, but the account was disabled.
            TooManyAttemptsError: too many attempts have failed.
        """
        is_email = "@" in name
        account = await (storage.find_by_email if is_email else storage.find_by_username)(self._session, name)
        # No connection is held while the hash is worked on.
        await self._session.commit()
        # Under the name as it was typed: one counter for both would tell which name belongs to which address.
        await self._limits.require_room(name, address)
        is_right = await self._passwords.verify(password, account.hashed_password if account else None)
        if account is None or not is_right:
            await self._limits.note_failure(name, address)
            raise CredentialsWrongError
        # Many who guess at once have all been let in before the first failure was counted.
        await self._limits.require_room(name, address)
        if not account.is_active:
            raise AccountDisabledError
        return account

    def pair_for(self, account: Account) -> TokenPair:
        return self._tokens.pair_for(account)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """A fresh pair for a refresh token.

        Raises:
            TokenInvalidError: it is none, is over, or its sessions were ended.
        """
        return self._tokens.pair_for(await self.get_by_token(refresh_token, Use.REFRESH))

    async def get_by_token(self, token: str, use: Use) -> Account:
        """Whose token it is.

        Raises:
            TokenInvalidError: as `refresh`.
        """
        claims = self._tokens.read(token, use)
        account = await storage.find(self._session, claims.account_id)
        if account is None or not account.is_active or account.session_epoch != claims.session_epoch:
            raise TokenInvalidError
        return account

    async def logout_everywhere(self, account_id: UUID, *, session_epoch: int) -> None:
        """End all sessions and JWTs. API tokens stay: they have a list of their own to be deleted from."""
        account = await self._get_for_update(account_id, session_epoch=session_epoch)
        await storage.change(self._session, account, {"session_epoch": account.session_epoch + 1})

    async def forgot_password(self, email: str) -> None:
        """Send a link to set a new password, if the address has an account."""
        account = await storage.find_by_email(self._session, email)
        if account is None or not account.is_active:
            return
        token = self._links.sign(
            Purpose.RESET, [str(account.id)], lifetime=RESET_LIFETIME, state=_password_state(account)
        )
        hours = str(RESET_LIFETIME // timedelta(hours=1))
        values = {"link": f"{self._public_url}/reset/{token}", "hours": hours}
        await self._post(account.email, "reset", values, about=_password_state(account))

    async def reset_password(self, token: str, password: str) -> None:
        """Set a new password by the link of a letter, which also confirms the address, and end all sessions and tokens.

        Raises:
            LinkInvalidError: the token is forged, over or used.
            InvalidInputError: the password is no good.
        """
        account = await self._account_of(self._links.read(token)[:1])
        self._links.check(Purpose.RESET, token, state=_password_state(account))
        _require_good_password(password, email=account.email, username=account.username)
        # No connection is held while the hash is worked on.
        await self._session.commit()
        hashed_password = await self._passwords.hash(password)
        account = await self._get_for_update(account.id)
        # It may have been used by another request meanwhile.
        self._links.check(Purpose.RESET, token, state=_password_state(account))
        await storage.change(self._session, account, {"hashed_password": hashed_password, "is_verified": True})
        await self._end_sessions(account)
        for name in filter(None, (account.email, account.username)):
            await self._limits.forget(name)

    async def change_password(self, account_id: UUID, *, password: str, new_password: str, address: Address) -> Account:
        """Set a new password, by the old one, and end all sessions and tokens.

        Raises:
            CredentialsWrongError: `password` is not the present one.
            InvalidInputError: the new one is no good.
        """
        account = await self._require_password(account_id, password, address)
        verified = account.hashed_password
        _require_good_password(new_password, email=account.email, username=account.username, field="new_password")
        hashed_password = await self._passwords.hash(new_password)
        account = await self._lock_verified(account_id, verified)
        await storage.change(self._session, account, {"hashed_password": hashed_password})
        await self._end_sessions(account)
        return account

    async def change_username(self, account_id: UUID, username: str | None, *, session_epoch: int) -> Account:
        """Raises:
        UsernameTakenError: another account has it.
        """
        account = await self._get_for_update(account_id, session_epoch=session_epoch)
        if not await storage.rename(self._session, account, {"username": username}):
            raise UsernameTakenError
        return account

    async def ask_to_change_email(self, account_id: UUID, email: str, *, password: str, address: Address) -> None:
        """Send a link to the new address, which changes it once it is opened, and tell the old one.

        Raises:
            CredentialsWrongError: this is not the password.
        """
        verified = (await self._require_password(account_id, password, address)).hashed_password
        account = await self._lock_verified(account_id, verified)
        if await storage.find_by_email(self._session, email) is None:
            token = self._links.sign(
                Purpose.CONFIRM_NEW, [str(account_id), email], lifetime=CONFIRM_LIFETIME, state=_address_state(account)
            )
            hours = str(CONFIRM_LIFETIME // timedelta(hours=1))
            await self._post(email, "confirm_new", {"link": self._confirm_link(token), "hours": hours})
        await self._post(account.email, "email_changed", {"new_email": email}, about=email)

    async def delete(self, account_id: UUID, *, password: str, address: Address) -> None:
        """Delete an account for good.

        Raises:
            CredentialsWrongError: this is not the password.
        """
        verified = (await self._require_password(account_id, password, address)).hashed_password
        await storage.delete_account(self._session, await self._lock_verified(account_id, verified))

    async def _confirm_new_email(self, token: str, account_id: str, email: str) -> None:
        account = await self._account_of([account_id])
        account = await self._get_for_update(account.id)
        self._links.check(Purpose.CONFIRM_NEW, token, state=_address_state(account))
        if not await storage.rename(self._session, account, {"email": email, "is_verified": True}):
            raise LinkInvalidError
        await self._end_sessions(account)

    async def _end_sessions(self, account: Account) -> None:
        await storage.change(self._session, account, {"session_epoch": account.session_epoch + 1})
        await storage.delete_tokens(self._session, account.id)

    async def _require_password(self, account_id: UUID, password: str, address: Address) -> Account:
        """The password again, before what a stolen session must not do. Failures count as those of signing in."""
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

    async def _lock_verified(self, account_id: UUID, hashed_password: str) -> Account:
        """The row, locked, if its password is still the one that was checked: a reset may have been faster."""
        account = await self._get_for_update(account_id)
        if account.hashed_password != hashed_password:
            raise CredentialsWrongError
        return account

    async def _get_for_update(self, account_id: UUID, *, session_epoch: int | None = None) -> Account:
        """`session_epoch`: as it was when the request was let in; a session that was ended since does nothing more."""
        account = await storage.find_for_update(self._session, account_id)
        if account is None or not account.is_active:
            raise TokenInvalidError
        if session_epoch is not None and account.session_epoch != session_epoch:
            raise TokenInvalidError
        return account

    async def _account_of(self, claims: list[str]) -> Account:
        try:
            account = await storage.find(self._session, UUID("".join(claims)))
        except ValueError as error:
            raise LinkInvalidError from error
        if account is None or not account.is_active:
            raise LinkInvalidError
        return account

    async def _is_name_of_another(self, username: str, account_id: UUID | None) -> bool:
        holder = await storage.find_by_username(self._session, username)
        return holder is not None and holder.id != account_id

    async def _post_confirm(self, email: str, username: str | None) -> None:
        token = self._links.sign(Purpose.CONFIRM, [email], lifetime=CONFIRM_LIFETIME)
        hours = str(CONFIRM_LIFETIME // timedelta(hours=1))
        values = {"username": username or "", "link": self._confirm_link(token), "hours": hours}
        await self._post(email, "confirm", values)

    def _confirm_link(self, token: str) -> str:
        return f"{self._public_url}/verify/{token}"

    async def _post(self, email: str, letter: str, values: dict[str, str], *, about: str = "") -> None:
        """At most one letter of a kind, about the same thing, to an address in each `LETTERS_EVERY`."""
        span = int(time.time() // LETTERS_EVERY.total_seconds())
        subject = sha256(f"{email.lower()} {about.lower()}".encode()).hexdigest()
        await mail.post(
            self._session, cause=f"{letter}:{subject}:{span}", recipient=email, letter=letter, values=values
        )


def _require_good_password(password: str, *, email: str, username: str | None, field: str = "password") -> None:
    fault = password_fault(password, email=email, username=username)
    if fault is not None:
        raise InvalidInputError(fields=[FieldError(field, "password_weak", fault)])


def _address_state(account: Account) -> str:
    """What a link to change the address hangs on: a new password voids it, so that no thief waits with one."""
    return f"{account.email} {_password_state(account)}"


def _password_state(account: Account) -> str:
    """What a link to set a new password hangs on: once one is set, it is void."""
    return f"{account.hashed_password} {account.session_epoch}"
