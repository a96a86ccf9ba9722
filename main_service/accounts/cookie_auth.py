"""Authenticates pages by the session cookie, with the dependencies that ask for a user.

`read_session_cookie` is the only way from a cookie to its account; pages reach it through fastapi-users, or call
`find_account`. The API knows no user by a cookie, as another site can make a browser send its cookies. Pages know none
by `Authorization`, but where an entry itself is read (`entries.dependencies.ReadingActorDep`).
"""

import logging
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie
from fastapi_users.authentication import AuthenticationBackend, Authenticator, CookieTransport
from starlette.requests import HTTPConnection

from main_service.accounts.bearer_auth import Principal, TokenStrategy, no_user_manager
from main_service.accounts.dependencies import account_resources_of
from main_service.accounts.errors import TokenInvalidError
from main_service.accounts.jwt_tokens import Use
from main_service.accounts.models import Account
from main_service.accounts.sign_in import find_by_claims
from main_service.dependencies import SessionDep
from main_service.engines.postgres import Session
from main_service.errors import DatabaseUnavailableError, SignInRequiredError
from main_service.web.session_cookie import COOKIE, session_token

logger = logging.getLogger(__name__)


async def read_session_cookie(request: Request, session: Session, token: str) -> Principal | None:
    """The account that a browser is signed in to; None: the session has ended. The transaction so far ends here."""
    try:
        claims = account_resources_of(request).tokens.read(token, Use.BROWSER)
    except TokenInvalidError:
        return None
    account = await find_by_claims(session, claims)
    await session.commit()
    return Principal(account, claims.session_id) if account else None


async def find_account(request: Request, session: Session) -> Account | None:
    """The account whose session cookie came with the request; None: a guest. The transaction so far ends here.

    Raises:
        DatabaseUnavailableError: a cookie came, and PostgreSQL does not answer.
    """
    token = session_token(request)
    principal = await read_session_cookie(request, session, token) if token else None
    return principal.account if principal else None


async def get_cookie_strategy(request: Request, session: SessionDep) -> TokenStrategy:
    return TokenStrategy(partial(read_session_cookie, request, session))


class _SessionCookie(APIKeyCookie):
    """The session cookie, under the names that it has."""

    async def __call__(self, request: HTTPConnection) -> str | None:
        return session_token(request) or None


class _SessionTransport(CookieTransport):
    def __init__(self) -> None:
        super().__init__()
        self.scheme = _SessionCookie(name=COOKIE, auto_error=False)


_backend = AuthenticationBackend(name="browser", transport=_SessionTransport(), get_strategy=get_cookie_strategy)
_find_page_account = Authenticator[Account, UUID]([_backend], no_user_manager).current_user(optional=True)

PageAccountDep = Annotated[Account | None, Depends(_find_page_account)]
"""The account whose session cookie came with the request; None: a guest, or the session has ended."""


async def find_reader(request: Request, session: SessionDep) -> Account | None:
    """The account whose session cookie came with the request; None: a guest, or the database does not answer.

    What guests may read needs no database.
    """
    try:
        return await find_account(request, session)
    except DatabaseUnavailableError as error:
        logger.warning("A reader is taken for a guest: %r", error.__cause__)
        return None


ReaderDep = Annotated[Account | None, Depends(find_reader)]
"""The account whose session cookie came with the request, on pages that guests read too."""


async def require_page_account(account: PageAccountDep) -> Account:
    if account is None:
        raise SignInRequiredError
    return account


SignedInPageDep = Annotated[Account, Depends(require_page_account)]
"""The account that is signed in; a guest is redirected to the sign-in page."""


async def get_page_session_id(
    _: PageAccountDep, strategy: Annotated[TokenStrategy, Depends(get_cookie_strategy)]
) -> UUID | None:
    return strategy.principal.session_id if strategy.principal else None


PageSessionIdDep = Annotated[UUID | None, Depends(get_page_session_id)]
"""The session of the signed-in user; None: a guest."""


async def require_page_session_id(session_id: PageSessionIdDep) -> UUID:
    if session_id is None:
        raise SignInRequiredError
    return session_id


SignedInSessionIdDep = Annotated[UUID, Depends(require_page_session_id)]
"""The session that is signed in, on pages for signed-in users only."""
