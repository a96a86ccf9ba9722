"""The page on which users ask for reports, see how far they are, fetch and delete them."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from main_service.reports.dependencies import ReportsDep
from main_service.reports.page import ADDRESS, Fields, ReportIdDep, ReportsPageDep, lead_to_page, order_of
from main_service.reports.presentation import file_response

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route(ADDRESS, methods=["GET", "HEAD"])
async def show(page: ReportsPageDep) -> Response:
    """The form can be filled in by the address: `?collection=…&span=chosen&from=…&to=…&format=…`."""
    return await page.show()


@router.post(ADDRESS)
async def ask(page: ReportsPageDep, reports: ReportsDep) -> Response:
    async def order(fields: Fields) -> Response:
        await reports.ask(page.owner_id, order_of(fields))
        # Whoever loads the page again to see how far it is must not ask again.
        return lead_to_page()

    return await page.after(order, lambda: {"collection": "This collection is not there any more."})


@router.get(f"{ADDRESS}/{{report_id}}/file")
async def get_file(report_id: ReportIdDep, page: ReportsPageDep, reports: ReportsDep) -> Response:
    return file_response(await reports.open_file(page.owner_id, report_id))


@router.post(f"{ADDRESS}/{{report_id}}/delete")
async def delete(report_id: ReportIdDep, page: ReportsPageDep, reports: ReportsDep) -> Response:
    async def end(_: Fields) -> Response:
        await reports.delete(page.owner_id, report_id)
        return await page.show(notice="The report is deleted.")

    return await page.after(end, lambda: {"": "This report is deleted already."})


@router.api_route(f"{ADDRESS}/{{report_id}}/delete", methods=["GET", "HEAD"])
async def lead_back(_: ReportIdDep) -> Response:
    """For whoever opens the address of a form again."""
    return lead_to_page()
