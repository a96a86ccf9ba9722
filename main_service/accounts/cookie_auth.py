"""Who opens a page: fastapi-users reads the session cookie of a request and finds its account.

The API knows no one by a cookie: another site can make a browser send its cookies. Pages know no one by
`Authorization`, but where an entry itself is read (`entries.dependencies.ReadingActorDep`).
"""

import logging
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi_users import BaseUserManager, FastAPIUsers
from fastapi_users.authentication import AuthenticationBackend, CookieTransport, Strategy

from main_service.accounts.bearer_auth import get_users
from main_service.accounts.dependencies import account_resources_of
from main_service.accounts.errors import TokenInvalidError
from main_service.accounts.jwt_tokens import JwtTokens, Use
from main_service.accounts.models import Account
from main_service.accounts.sign_in import find_by_claims, new_session_id
from main_service.dependencies import SessionDep
from main_service.engines.postgres import Session
from main_service.errors import DatabaseUnavailableError, SignInRequiredError
from main_service.web.session_cookie import COOKIE

logger = logging.getLogger(__name__)


class BrowserStrategy(Strategy[Account, UUID]):
    """Reads the tokens in session cookies. One per request."""

    def __init__(self, session: Session, tokens: JwtTokens) -> None:
        self._session = session
        self._tokens = tokens
        self.session_id: UUID | None = None
        """Of the session that goes on."""

    async def read_token(
        self,
        token: str | None,
        user_manager: BaseUserManager[Account, UUID],  # noqa: ARG002 (fastapi-users passes it)
    ) -> Account | None:
        """The account, if the token is valid; its transaction ends here."""
        if token is None:
            return None
        try:
            claims = self._tokens.read(token, Use.BROWSER)
        except TokenInvalidError:
            return None
        try:
            account = await find_by_claims(self._session, claims)
        finally:
            await self._session.commit()
        self.session_id = claims.session_id if account is not None else None
        return account

    async def write_token(self, user: Account) -> str:
        return self._tokens.issue_browser_token(user, new_session_id())

    async def destroy_token(self, token: str, user: Account) -> None:
        """Tokens are not stored: they end by the clock, or with their session."""


async def get_browser_strategy(request: Request, session: SessionDep) -> BrowserStrategy:
    return BrowserStrategy(session, account_resources_of(request).tokens)


_browser = AuthenticationBackend(
    name="browser", transport=CookieTransport(cookie_name=COOKIE), get_strategy=get_browser_strategy
)
_find_account = FastAPIUsers[Account, UUID](get_users, [_browser]).authenticator.current_user(optional=True)

PageAccountDep = Annotated[Account | None, Depends(_find_account)]
"""Whose session cookie came with the request; None for everybody else, and for a session that has ended."""


async def find_account(request: Request, session: Session) -> Account | None:
    """The same, when the page asks for it; its transaction ends here.

    Raises:
        DatabaseUnavailableError: a cookie came, and whose it is can't be found out now.
    """
    token = request.cookies.get(COOKIE)
    if token is None:
        return None
    try:
        account = await find_by_claims(session, account_resources_of(request).tokens.read(token, Use.BROWSER))
    except TokenInvalidError:
        return None
    await session.commit()
    return account


@dataclass(frozen=True)
class Reader:
    """Who reads, as far as that matters where guests are let in too."""

    account_id: UUID
    counts_own_visits: bool


async def find_reader(request: Request, session: SessionDep) -> Reader | None:
    """A database that does not answer makes everybody a guest: what anyone may read needs none."""
    try:
        account = await find_account(request, session)
    except DatabaseUnavailableError as error:
        logger.warning("Who reads is taken for a guest: %r", error.__cause__)
        return None
    return Reader(account.id, account.counts_own_visits) if account else None


ReaderDep = Annotated[Reader | None, Depends(find_reader)]
"""Whose session cookie came with the request, where guests are let in too."""


async def get_reader_id(reader: ReaderDep) -> UUID | None:
    return reader.account_id if reader else None


ReaderIdDep = Annotated[UUID | None, Depends(get_reader_id)]


async def require_signed_in(account: PageAccountDep) -> Account:
    if account is None:
        raise SignInRequiredError
    return account


SignedInPageDep = Annotated[Account, Depends(require_signed_in)]
"""Whoever is signed in; others are led to the page where one signs in."""


async def get_page_session_id(
    _: PageAccountDep, strategy: Annotated[BrowserStrategy, Depends(get_browser_strategy)]
) -> UUID | None:
    return strategy.session_id


PageSessionIdDep = Annotated[UUID | None, Depends(get_page_session_id)]
"""The session of whoever is signed in."""


async def require_page_session_id(_: SignedInPageDep, session_id: PageSessionIdDep) -> UUID:
    assert session_id is not None
    return session_id


SignedInSessionIdDep = Annotated[UUID, Depends(require_page_session_id)]
"""The same, on pages that only a signed-in user opens."""
