"""How a request gets reports."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.dependencies import SignedLinksDep
from main_service.dependencies import ResourcesDep, SessionDep
from main_service.reports.service import Reports


async def get_reports(session: SessionDep, resources: ResourcesDep, links: SignedLinksDep) -> Reports:
    return Reports(session=session, files=resources.files, links=links)


ReportsDep = Annotated[Reports, Depends(get_reports)]
