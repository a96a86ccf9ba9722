"""Routes whose errors look as the clients of another service read them."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from main_service.accounts.bearer_auth import require_write
from main_service.accounts.models import Account
from main_service.doors.credentials import find_principal
from main_service.errors import SignInRequiredError
from main_service.web.bodies.json import JsonRequest

TOO_LONG_TO_LIST = 10**9
"""The furthest place in a list that is asked for; PostgreSQL counts no further than 2^63."""


class ForeignRoute(APIRoute):
    """A route of a door. Its JSON bodies are read as the API reads them; fields of a query that it doesn't know are
    left aside, because clients send what other versions of their service know. A subclass has `answer_error`, which
    `web.problems` asks for the answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


async def require_reader(request: Request, token: str | None = None) -> Account:
    """The user of a request that only reads. `token`: as for `find_principal`.

    Raises:
        SignInRequiredError: no token came.
        TokenInvalidError: it is not valid.
    """
    principal = await find_principal(request, token)
    if principal is None:
        raise SignInRequiredError
    return principal.account


async def require_writer(request: Request, token: str | None = None) -> Account:
    """The user of a request that changes something. `token`: as for `find_principal`.

    Raises:
        SignInRequiredError: no token came.
        TokenInvalidError: it is not valid.
        ScopeMissingError: it may only read.
    """
    account = require_write(await find_principal(request, token))
    if account is None:
        raise SignInRequiredError
    return account


def key_of(link: str, public_url: str) -> str:
    """The key of a link as clients write it: whole, without its scheme, or the key alone."""
    written = link.strip().partition("?")[0].partition("#")[0].rstrip("/")
    site = public_url.partition("://")[2]
    for start in (f"{public_url}/", f"https://{site}/", f"http://{site}/", f"{site}/"):
        if written.startswith(start):
            return written.removeprefix(start)
    return written


async def find_door_reader(request: Request) -> Account:
    return await require_reader(request)


async def find_door_writer(request: Request) -> Account:
    return await require_writer(request)


ReadingUserDep = Annotated[Account, Depends(find_door_reader)]
"""The user of a request that only reads, by any token."""

WritingUserDep = Annotated[Account, Depends(find_door_writer)]
"""The user of a request that changes something."""
