"""How a request gets the services of accounts."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.accounts.factory import AccountFactory, AccountResources
from main_service.dependencies import SessionDep
from main_service.web.proxy_watch import limited_address


def account_resources_of(request: Request) -> AccountResources:
    resources: AccountResources = request.app.state.account_resources
    return resources


async def get_factory(request: Request, session: SessionDep) -> AccountFactory:
    return AccountFactory(account_resources_of(request), session, client_address=limited_address(request))


AccountFactoryDep = Annotated[AccountFactory, Depends(get_factory)]
