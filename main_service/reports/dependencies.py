"""How a request gets reports."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.accounts.dependencies import account_resources_of
from main_service.dependencies import SessionDep, resources_of
from main_service.reports.service import Reports


async def get_reports(request: Request, session: SessionDep) -> Reports:
    return Reports(session=session, files=resources_of(request).files, links=account_resources_of(request).links)


ReportsDep = Annotated[Reports, Depends(get_reports)]
