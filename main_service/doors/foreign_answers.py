"""Routes for the clients of another service: errors in that service's format, and users by API token."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from main_service.accounts.bearer_auth import require_write
from main_service.accounts.models import Account
from main_service.doors.credentials import find_principal
from main_service.errors import SignInRequiredError
from main_service.web.bodies.json import JsonRequest


class ForeignRoute(APIRoute):
    """A route of a door. Its JSON bodies are read as the API reads them. Unknown fields of a query are ignored, because
    clients send what other versions of their service know. A subclass has `answer_error`, which `web.problems` calls
    for the answer to an error.
    """

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


async def require_reading_user(request: Request) -> Account:
    return await require_reader(request)


async def require_writing_user(request: Request) -> Account:
    return await require_writer(request)


ReadingUserDep = Annotated[Account, Depends(require_reading_user)]
"""The user of a request that only reads, by any token."""

WritingUserDep = Annotated[Account, Depends(require_writing_user)]
"""The user of a request that changes something, by a token that may write."""
