"""How a request gets the services of jobs."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.admin_jobs.factory import AdminJobFactory
from main_service.dependencies import SessionDep, resources_of


async def get_factory(request: Request, session: SessionDep) -> AdminJobFactory:
    return AdminJobFactory(resources_of(request), session)


AdminJobFactoryDep = Annotated[AdminJobFactory, Depends(get_factory)]
