"""How a request gets the service of reports."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.dependencies import SessionDep, resources_of
from main_service.reports.factory import ReportFactory


async def get_factory(request: Request, session: SessionDep) -> ReportFactory:
    return ReportFactory(resources_of(request), session)


ReportFactoryDep = Annotated[ReportFactory, Depends(get_factory)]
