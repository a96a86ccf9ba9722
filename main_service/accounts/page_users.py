"""STUB until the sessions come."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.models import Account
from main_service.errors import SignInRequiredError


async def find() -> Account | None:
    return None


PageAccountDep = Annotated[Account | None, Depends(find)]
ReadingAccountDep = Annotated[Account | None, Depends(find)]


async def require(account: PageAccountDep) -> Account:
    if account is None:
        raise SignInRequiredError
    return account


SignedInPageDep = Annotated[Account, Depends(require)]
