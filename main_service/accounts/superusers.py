"""Who may administer the service: superusers, signed in with their password."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.models import Account
from main_service.accounts.users import SignedInDep
from main_service.errors import (
    DatabaseUnavailableError,
    SignInForbiddenError,
    SignInRequiredError,
    SuperuserRequiredError,
    TokenInvalidError,
)
from main_service.problems import InternalError

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
