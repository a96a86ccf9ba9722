"""How a request gets the service that deletes its account."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.account_deletion.factory import AccountDeletionFactory
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.dependencies import SessionDep, resources_of


async def get_factory(request: Request, session: SessionDep, accounts: AccountFactoryDep) -> AccountDeletionFactory:
    return AccountDeletionFactory(resources_of(request), session, accounts)


AccountDeletionFactoryDep = Annotated[AccountDeletionFactory, Depends(get_factory)]
