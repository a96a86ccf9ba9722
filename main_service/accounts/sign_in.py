"""Signing in, staying signed in, and signing out.

An unknown name gets the answer of a wrong password, in the same time.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from main_service.accounts import storage
from main_service.accounts.account_guards import lock_account
from main_service.accounts.errors import AccountDisabledError, TokenInvalidError
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME, Claims, JwtTokens, TokenPair, Use
from main_service.accounts.models import Account
from main_service.accounts.sign_in_limits import ClientPasswords
from main_service.engines.postgres import Session

REVOCATION_LIFETIME = BROWSER_LIFETIME + timedelta(minutes=1)
"""How long it is known that a session was ended: until the last token that a request may just be making is over."""


class SessionService:
    def __init__(self, *, session: Session, passwords: ClientPasswords, tokens: JwtTokens) -> None:
        self._session = session
        self._passwords = passwords
        self._tokens = tokens

    async def sign_in(self, name: str, password: str) -> Account:
        """The account of an e-mail or user name and its password.

        Raises:
            CredentialsWrongError: there is no such account, or this is not its password.
            AccountDisabledError: it is, but the account was disabled.
            TooManyAttemptsError: too many attempts have failed.
        """
        is_email = "@" in name
        account = await (storage.find_by_email if is_email else storage.find_by_username)(self._session, name)
        if account is not None and account.deleted_at is not None:
            account = None
        # No connection is held while the hash is worked on.
        await self._session.commit()
        hashed_password = account.hashed_password if account else None
        await self._passwords.check_at_sign_in(password, hashed_password, name=name)
        # The password of no account is never right.
        assert account is not None
        if not account.is_open:
            raise AccountDisabledError
        return account

    def start(self, account: Account) -> TokenPair:
        """A new session of a program."""
        return self._tokens.issue_pair(account, new_session_id())

    def start_in_browser(self, account: Account) -> str:
        """A new session of a browser: what its cookie holds."""
        return self._tokens.issue_browser_token(account, new_session_id())

    async def refresh(self, refresh_token: str) -> TokenPair:
        """A fresh pair for a refresh token, in the same session.

        Raises:
            TokenInvalidError: it is none, is over, or its session was ended.
        """
        claims = self._tokens.read(refresh_token, Use.REFRESH)
        account = await find_by_claims(self._session, claims)
        if account is None:
            raise TokenInvalidError
        return self._tokens.issue_pair(account, claims.session_id)

    async def revoke(self, session_id: UUID) -> None:
        """End one session: all its tokens, at once. Again is harmless."""
        await storage.revoke_session(self._session, session_id, expires_at=datetime.now(UTC) + REVOCATION_LIFETIME)

    async def revoke_all(self, account_id: UUID, *, session_epoch: int) -> None:
        """End all sessions and JWTs. API tokens stay: they have a list of their own to be deleted from."""
        account = await lock_account(self._session, account_id, session_epoch=session_epoch)
        await storage.change(self._session, account, {"session_epoch": account.session_epoch + 1})


def new_session_id() -> UUID:
    return uuid4()


async def find_by_claims(session: Session, claims: Claims) -> Account | None:
    """Whose token made these claims, if its session still goes on."""
    account = await storage.find_in_session(session, claims.account_id, claims.session_id)
    if account is None or not account.is_open or account.session_epoch != claims.session_epoch:
        return None
    return account
