"""How a request gets the service of imports."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.dependencies import SessionDep, resources_of
from main_service.transfer.factory import ImportFactory


async def get_factory(request: Request, session: SessionDep) -> ImportFactory:
    return ImportFactory(resources_of(request), session)


ImportFactoryDep = Annotated[ImportFactory, Depends(get_factory)]
