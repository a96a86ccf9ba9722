"""Authenticates requests by bearer tokens, with the dependencies that ask for a user, a writer or a superuser.

`read_bearer_token` is the only way from a token to its account. Routes reach it through fastapi-users, whose scheme
OpenAPI documents. Routes that are called most often spare themselves its dependencies and call `find_bearer`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi_users import BaseUserManager
from fastapi_users.authentication import AuthenticationBackend, Authenticator, BearerTransport, Strategy

from main_service.accounts import storage
from main_service.accounts.api_tokens import hash_token, is_api_token
from main_service.accounts.dependencies import account_resources_of
from main_service.accounts.errors import (
    ScopeMissingError,
    SignInForbiddenError,
    SuperuserRequiredError,
    TokenInvalidError,
)
from main_service.accounts.jwt_tokens import Use
from main_service.accounts.models import Account
from main_service.accounts.sign_in import find_by_claims
from main_service.dependencies import SessionDep, resources_of
from main_service.engines.postgres import Session
from main_service.errors import DatabaseUnavailableError, SignInRequiredError
from main_service.web.problems import InternalError

AUTHORIZATION = "authorization"


@dataclass(frozen=True)
class Principal:
    """The account that a token or cookie stands for, and what it allows."""

    account: Account
    session_id: UUID | None
    """None: an API token, which belongs to no session."""
    may_write: bool = True


class TokenStrategy(Strategy[Account, UUID]):
    """Lets fastapi-users find a principal by a token. One per request."""

    def __init__(self, find: Callable[[str], Awaitable[Principal | None]]) -> None:
        self._find = find
        self.principal: Principal | None = None

    async def read_token(
        self,
        token: str | None,
        user_manager: BaseUserManager[Account, UUID],  # noqa: ARG002 (fastapi-users passes it)
    ) -> Account | None:
        self.principal = None if token is None else await self._find(token)
        return self.principal.account if self.principal else None

    async def write_token(self, user: Account) -> str:
        raise NotImplementedError("SessionService issues tokens")

    async def destroy_token(self, token: str, user: Account) -> None:
        raise NotImplementedError("SessionService revokes sessions")


async def no_user_manager() -> Any:
    """fastapi-users passes its result to strategies; ours needs none, as accounts are not managed by fastapi-users."""


async def read_bearer_token(request: Request, session: Session, token: str) -> Principal:
    """The account of an access token or API token; the transaction so far ends here.

    Raises:
        TokenInvalidError: the token was forged, has expired or was deleted, its session has ended, or its account was
            disabled or deleted.
    """
    if is_api_token(token):
        principal = await _find_by_api_token(session, token, notes_use=request.method != "HEAD")
    else:
        claims = account_resources_of(request).tokens.read(token, Use.ACCESS)
        account = await find_by_claims(session, claims)
        principal = Principal(account, claims.session_id) if account else None
    await session.commit()
    if principal is None:
        raise TokenInvalidError
    return principal


async def _find_by_api_token(session: Session, token: str, *, notes_use: bool) -> Principal | None:
    """`notes_use`: whether to record that the token was used now."""
    token_hash = hash_token(token)
    found = token_hash and await storage.find_token(session, token_hash)
    if not found:
        return None
    api_token, account = found
    if notes_use:
        await storage.note_use(session, api_token)
    return Principal(account, session_id=None, may_write=api_token.may_write) if account.is_open else None


_transport = BearerTransport(tokenUrl="/api/v1/auth/token")

FOR_GUESTS_TOO: dict[str, Any] = {"security": [{}]}
"""For OpenAPI, of a route that guests may use too: added to the token that FastAPI documents as required."""

TOKEN_OR_NONE: dict[str, Any] = {"security": [{_transport.scheme.scheme_name: []}, {}]}
"""For OpenAPI, of a route that calls `find_bearer` or `find_writer_or_guest`, which FastAPI doesn't know of."""


async def find_bearer(request: Request, session: Session) -> Principal | None:
    """The account whose token came with the request; None: a guest. The transaction so far ends here.

    Raises:
        TokenInvalidError: a token came, and is not valid.
    """
    token = await _transport.scheme(request)
    return None if token is None else await read_bearer_token(request, session, token)


async def find_writer_or_guest(request: Request) -> Account | None:
    """The user whose token came with the request; None: a guest. For a token it takes a transaction of its own.

    Raises:
        TokenInvalidError: a token came, and is not valid.
        ScopeMissingError: the token may only read.
    """
    if AUTHORIZATION not in request.headers:
        return None
    async with resources_of(request).sessions() as session:
        return require_write(await find_bearer(request, session))


def require_write(principal: Principal | None) -> Account | None:
    if principal is None:
        return None
    if not principal.may_write:
        raise ScopeMissingError
    return principal.account


async def get_bearer_strategy(request: Request, session: SessionDep) -> TokenStrategy:
    return TokenStrategy(partial(read_bearer_token, request, session))


_backend = AuthenticationBackend(name="bearer", transport=_transport, get_strategy=get_bearer_strategy)
_find_account = Authenticator[Account, UUID]([_backend], no_user_manager).current_user(optional=True)

StrategyDep = Annotated[TokenStrategy, Depends(get_bearer_strategy)]

CurrentAccountDep = Annotated[Account | None, Depends(_find_account)]
"""The account whose token came with the request; None: a guest. Raises TokenInvalidError."""


async def require_account(account: CurrentAccountDep) -> Account:
    if account is None:
        raise SignInRequiredError
    return account


AccountDep = Annotated[Account, Depends(require_account)]
"""A user, by any token."""


async def require_writer_or_guest(_: CurrentAccountDep, strategy: StrategyDep) -> Account | None:
    return require_write(strategy.principal)


WriterOrGuestDep = Annotated[Account | None, Depends(require_writer_or_guest)]
"""A guest, or a user whose token may write."""


async def require_writer(account: AccountDep, _: WriterOrGuestDep) -> Account:
    return account


WriterDep = Annotated[Account, Depends(require_writer)]
"""A user whose token may write."""


async def get_session_id(_: AccountDep, strategy: StrategyDep) -> UUID:
    if strategy.principal is None or strategy.principal.session_id is None:
        raise SignInForbiddenError
    return strategy.principal.session_id


SessionIdDep = Annotated[UUID, Depends(get_session_id)]
"""The session of a user who signed in with a password; API tokens have none and are refused."""


async def require_session(account: AccountDep, _: SessionIdDep) -> Account:
    return account


SignedInDep = Annotated[Account, Depends(require_session)]
"""A user who signed in with a password: nothing else may change the account itself and its tokens."""


SUPERUSER_REFUSALS = (
    SignInRequiredError,
    TokenInvalidError,
    SignInForbiddenError,
    SuperuserRequiredError,
    DatabaseUnavailableError,
    InternalError,
)
"""The errors of every route that asks for a superuser."""


async def require_superuser(account: SignedInDep) -> Account:
    if not account.is_superuser:
        raise SuperuserRequiredError
    return account


SuperuserDep = Annotated[Account, Depends(require_superuser)]
"""A superuser who signed in with a password; an API token may not administer."""
