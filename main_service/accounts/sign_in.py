"""Sessions: signing in starts one, refreshing goes on with it, signing out revokes it.

An unknown name is answered as a wrong password is, and as slowly.
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
"""How long a revoked session is remembered: until its last token has expired, be it issued at this moment."""


class SessionService:
    """Signs users in and out."""

    def __init__(self, *, session: Session, passwords: ClientPasswords, tokens: JwtTokens) -> None:
        self._session = session
        self._passwords = passwords
        self._tokens = tokens

    async def sign_in(self, name: str, password: str) -> Account:
        """The account with this email or username and password. No session starts yet; the transaction is committed.

        Raises:
            CredentialsWrongError: there is no such account, or the password is wrong.
            AccountDisabledError: the password is right, but the account was disabled.
            TooManyAttemptsError: too many passwords were wrong, for the name or from the client.
            PasswordsBusyError: too many passwords wait to be checked.
        """
        is_email = "@" in name
        account = await (storage.find_by_email if is_email else storage.find_by_username)(self._session, name)
        if account is not None and account.deleted_at is not None:
            account = None
        # The connection to PostgreSQL goes back to the pool while the password is hashed.
        await self._session.commit()
        hashed_password = account.hashed_password if account else None
        await self._passwords.check_at_sign_in(password, hashed_password, name=name)
        # Without an account, no password is right.
        assert account is not None
        if not account.is_open:
            raise AccountDisabledError
        return account

    def start(self, account: Account) -> TokenPair:
        """The tokens of a new session of a program."""
        return self._tokens.issue_pair(account, uuid4())

    def start_in_browser(self, account: Account) -> str:
        """The token of a new session of a browser, for its cookie."""
        return self._tokens.issue_browser_token(account, uuid4())

    async def refresh(self, refresh_token: str) -> TokenPair:
        """New tokens for the session that a refresh token belongs to.

        Raises:
            TokenInvalidError: it is no refresh token, has expired, or its session was revoked.
        """
        claims = self._tokens.read(refresh_token, Use.REFRESH)
        account = await find_by_claims(self._session, claims)
        if account is None:
            raise TokenInvalidError
        return self._tokens.issue_pair(account, claims.session_id)

    async def revoke(self, session_id: UUID) -> None:
        """End a session: all its tokens are void at once. Harmless if repeated."""
        await storage.revoke_session(self._session, session_id, expires_at=datetime.now(UTC) + REVOCATION_LIFETIME)

    async def revoke_all(self, account_id: UUID, *, session_epoch: int) -> None:
        """End all sessions of an account. Its API tokens stay: users delete them one by one.

        `session_epoch`: the account's when the request was authenticated.

        Raises:
            TokenInvalidError: the sessions were revoked, or the account disabled or deleted, since the request came.
        """
        account = await lock_account(self._session, account_id, session_epoch=session_epoch)
        await storage.change(self._session, account, {"session_epoch": account.session_epoch + 1})


async def find_by_claims(session: Session, claims: Claims) -> Account | None:
    """The account of a token with these claims; None: its session was revoked, or it is disabled or deleted."""
    account = await storage.find_in_session(session, claims.account_id, claims.session_id)
    if account is None or not account.is_open or account.session_epoch != claims.session_epoch:
        return None
    return account
