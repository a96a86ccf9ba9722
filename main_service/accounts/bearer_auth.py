"""The account of a bearer token, read by fastapi-users, and the dependencies that require one, or a superuser's.

Registering, hashing and mail are our own services: fastapi-users hashes inside the event loop and commits by itself.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, Strategy
from fastapi_users_db_sqlalchemy import SQLAlchemyUserDatabase

from main_service.accounts import storage
from main_service.accounts.api_tokens import hash_token, is_api_token
from main_service.accounts.dependencies import account_resources_of
from main_service.accounts.errors import (
    ScopeMissingError,
    SignInForbiddenError,
    SuperuserRequiredError,
    TokenInvalidError,
)
from main_service.accounts.jwt_tokens import JwtTokens, Use
from main_service.accounts.models import Account
from main_service.accounts.sign_in import find_by_claims, new_session_id
from main_service.dependencies import SessionDep, resources_of
from main_service.engines.postgres import Session
from main_service.errors import DatabaseUnavailableError, SignInRequiredError
from main_service.web.problems import InternalError


class AccountUsers(UUIDIDMixin, BaseUserManager[Account, UUID]):
    """What fastapi-users needs to look an account up by its id."""


class AccountStrategy(Strategy[Account, UUID]):
    """Reads access tokens and API tokens. One per request."""

    def __init__(self, session: Session, tokens: JwtTokens, *, notes_use: bool) -> None:
        """`notes_use`: whether it is written down when an API token was used last."""
        self.session = session
        self._tokens = tokens
        self._notes_use = notes_use
        self.session_id: UUID | None = None
        """Of an access token. An API token has no session."""
        self.may_write = True

    async def read_token(
        self,
        token: str | None,
        user_manager: BaseUserManager[Account, UUID],  # noqa: ARG002 (fastapi-users passes it)
    ) -> Account | None:
        """The account, if the token is valid; its transaction ends here."""
        try:
            if token is None:
                return None
            account = await (self._read_api_token(token) if is_api_token(token) else self._read_access_token(token))
            return account if account is not None and account.is_open else None
        finally:
            await self.session.commit()

    async def write_token(self, user: Account) -> str:
        return self._tokens.issue_pair(user, new_session_id()).access_token

    async def destroy_token(self, token: str, user: Account) -> None:
        """Tokens are not stored: they end by the clock, or with their session."""

    async def _read_access_token(self, token: str) -> Account | None:
        try:
            claims = self._tokens.read(token, Use.ACCESS)
        except TokenInvalidError:
            return None
        self.session_id = claims.session_id
        return await find_by_claims(self.session, claims)

    async def _read_api_token(self, token: str) -> Account | None:
        token_hash = hash_token(token)
        found = token_hash and await storage.find_token(self.session, token_hash)
        if not found:
            return None
        api_token, account = found
        self.may_write = api_token.may_write
        if self._notes_use:
            await storage.note_use(self.session, api_token)
        return account


async def get_users(session: SessionDep) -> AccountUsers:
    return AccountUsers(SQLAlchemyUserDatabase(session, Account))


async def get_strategy(request: Request, session: SessionDep) -> AccountStrategy:
    return AccountStrategy(session, account_resources_of(request).tokens, notes_use=request.method != "HEAD")


_transport = BearerTransport(tokenUrl="/api/v1/auth/token")
_bearer = AuthenticationBackend(name="bearer", transport=_transport, get_strategy=get_strategy)
_fastapi_users = FastAPIUsers[Account, UUID](get_users, [_bearer])
_find_account = _fastapi_users.authenticator.current_user_token(optional=True)


async def get_current_account(
    found: Annotated[tuple[Account | None, str | None], Depends(_find_account)],
) -> Account | None:
    """Whose token came with the request; None for a guest.

    Raises:
        TokenInvalidError: a token came, and is not valid.
    """
    account, token = found
    if token is not None and account is None:
        raise TokenInvalidError
    return account


CurrentAccountDep = Annotated[Account | None, Depends(get_current_account)]


async def require_account(account: CurrentAccountDep) -> Account:
    if account is None:
        raise SignInRequiredError
    return account


AccountDep = Annotated[Account, Depends(require_account)]
"""Whoever has an account, by whatever token."""


StrategyDep = Annotated[AccountStrategy, Depends(get_strategy)]


async def require_writer_or_guest(account: CurrentAccountDep, strategy: StrategyDep) -> Account | None:
    if account is not None and not strategy.may_write:
        raise ScopeMissingError
    return account


WriterOrGuestDep = Annotated[Account | None, Depends(require_writer_or_guest)]
"""Whoever may make something: a guest, or a user whose token lets it."""


FOR_GUESTS_TOO: dict[str, Any] = {"security": [{}]}
"""Of a route, for OpenAPI: added to the token that FastAPI documents as required."""

AUTHORIZATION = "authorization"

TOKEN_OR_NONE: dict[str, Any] = {"security": [{_transport.scheme.scheme_name: []}, {}]}
"""Of a route that calls `find_writer_or_guest` or `find_token_account`, for OpenAPI."""


async def find_writer_or_guest(request: Request) -> Account | None:
    """Whom `WriterOrGuestDep` means, in a transaction of its own, which is over; for a guest there is none.

    Raises:
        TokenInvalidError, ScopeMissingError: the token does not let it.
    """
    if AUTHORIZATION not in request.headers:
        return None
    async with resources_of(request).sessions() as session:
        strategy = await get_strategy(request, session)
        return await require_writer_or_guest(await _find_account_by(strategy, request), strategy)


async def find_token_account(request: Request, session: Session) -> Account | None:
    """Whose token came with the request, for a route that is also read without; its transaction ends here.

    Raises:
        TokenInvalidError: a token came, and is not valid.
    """
    if AUTHORIZATION not in request.headers:
        return None
    return await _find_account_by(await get_strategy(request, session), request)


async def _find_account_by(strategy: AccountStrategy, request: Request) -> Account | None:
    token = await _transport.scheme(request)
    if token is None:
        return None
    return await get_current_account((await strategy.read_token(token, await get_users(strategy.session)), token))


async def require_writer(account: AccountDep, _: WriterOrGuestDep) -> Account:
    return account


WriterDep = Annotated[Account, Depends(require_writer)]
"""Whoever may also change what the account has."""


async def require_signed_in(account: AccountDep, strategy: StrategyDep) -> Account:
    if strategy.session_id is None:
        raise SignInForbiddenError
    return account


SignedInDep = Annotated[Account, Depends(require_signed_in)]
"""Whoever signed in with a password: only they change the account itself and its tokens."""


async def get_session_id(_: SignedInDep, strategy: StrategyDep) -> UUID:
    assert strategy.session_id is not None
    return strategy.session_id


SessionIdDep = Annotated[UUID, Depends(get_session_id)]
"""The session of whoever signed in."""


SUPERUSER_REFUSALS = (
    SignInRequiredError,
    TokenInvalidError,
    SignInForbiddenError,
    SuperuserRequiredError,
    DatabaseUnavailableError,
    InternalError,
)
"""What every route may answer that asks for a superuser."""


async def require_superuser(account: SignedInDep) -> Account:
    if not account.is_superuser:
        raise SuperuserRequiredError
    return account


SuperuserDep = Annotated[Account, Depends(require_superuser)]
"""A superuser who signed in; an API token may not administer."""
