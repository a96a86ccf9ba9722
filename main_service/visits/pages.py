"""The page of an entry's statistics: at its address for owners and where they are shown to all.

It is also among the pages that manage an entry, for only those see the manage token of a guest's.
"""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.entries.manage_page import ManagePageDep
from main_service.entries.page_dependencies import ReadingAskerDep
from main_service.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.visits.statistics_page import StatisticsPageDep

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route("/{key}/stats", methods=["GET", "HEAD"])
async def show(key: str, asker: ReadingAskerDep, page: StatisticsPageDep) -> Response:
    try:
        return await page.show(asker, address=f"/{key}/stats")
    except ManageTokenMissingError:
        return RedirectResponse(f"/{key}/manage/stats", 303)


@router.api_route("/{key}/manage/stats", methods=["GET", "HEAD"])
async def show_to_manager(key: str, managing: ManagePageDep, page: StatisticsPageDep) -> Response:
    try:
        return await page.show(managing.asker, address=f"/{key}/manage/stats")
    except ManageTokenMissingError:
        return managing.show()
    except ManageTokenWrongError as error:
        return managing.show(error=error)
