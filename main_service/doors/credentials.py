"""The account of a request that comes through a door: no cookie counts, and Basic only from programs."""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated

from fastapi import Depends, Request

from main_service.accounts.bearer_auth import Principal, find_bearer, read_bearer_token, require_write
from main_service.accounts.models import Account
from main_service.dependencies import resources_of
from main_service.entries.permissions import Actor

API_KEY = "X-Api-Key"
_OF_BROWSERS = ("origin", "sec-fetch-site")


async def find_principal(request: Request, token: str | None = None) -> Principal | None:
    """The account of the request and what its token allows; None: a guest. It takes a transaction of its own.

    The token is, in this order: `token`, `X-Api-Key`, the password of Basic credentials, or a Bearer token. Browsers
    add Basic credentials by themselves, so those count for nothing in a request that a browser sends.

    Raises:
        TokenInvalidError: a token came, and is not valid.
    """
    token = token or request.headers.get(API_KEY) or _basic_password(request)
    if token is None and "authorization" not in request.headers:
        return None
    async with resources_of(request).sessions() as session:
        if token is not None:
            return await read_bearer_token(request, session, token)
        return await find_bearer(request, session)


async def find_writer(request: Request, token: str | None = None) -> Account | None:
    """The account that may write; None: a guest. `token`: as for `find_principal`.

    Raises:
        TokenInvalidError: a token came, and is not valid.
        ScopeMissingError: it may only read.
    """
    return require_write(await find_principal(request, token))


async def find_door_writer(request: Request) -> Account | None:
    return await find_writer(request)


WriterDep = Annotated[Account | None, Depends(find_door_writer)]
"""The user whose token came with the request; None: a guest."""


async def find_door_reader(request: Request) -> Actor:
    principal = await find_principal(request)
    if principal is None:
        return Actor()
    account = principal.account
    return Actor(account_id=account.id, counts_own_visits=account.counts_own_visits, has_bearer_token=True)


ReaderDep = Annotated[Actor, Depends(find_door_reader)]
"""The actor who reads an entry at the URL of a door."""


def _basic_password(request: Request) -> str | None:
    if any(name in request.headers for name in _OF_BROWSERS):
        return None
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, _, password = b64decode(value.strip(), validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return None
    return password or None
