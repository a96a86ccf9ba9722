"""The JSON API of reports."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from main_service.accounts.bearer_auth import FOR_GUESTS_TOO, AccountDep, CurrentAccountDep, WriterDep
from main_service.accounts.errors import AddressUnconfirmedError, LinkInvalidError, ScopeMissingError, TokenInvalidError
from main_service.errors import BodyStoreUnavailableError, DatabaseUnavailableError, NotFoundError, SignInRequiredError
from main_service.reports.dependencies import ReportFactoryDep
from main_service.reports.errors import (
    ReportExpiredError,
    ReportUnfinishedError,
    TooManyReportsError,
    TooManyReportsWaitingError,
)
from main_service.reports.models import ReportFormat
from main_service.reports.schemas import ReportIn, ReportOut, ReportsOut
from main_service.reports.serializers import PREFIX, download_response, report_out
from main_service.reports.service import media_type_of
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix=PREFIX,
    tags=["reports"],
    errors=[SignInRequiredError, TokenInvalidError, DatabaseUnavailableError, InternalError],
)


@router.post(
    "",
    status_code=202,
    summary="Create a report",
    errors=[ScopeMissingError, NotFoundError, AddressUnconfirmedError, TooManyReportsError, TooManyReportsWaitingError],
)
async def ask_for_report(
    asked: ReportIn, account: WriterDep, factory: ReportFactoryDep, response: Response
) -> ReportOut:
    """A report on visits to my entries, live or ended. It is built in the background and emailed to my confirmed
    address: attached if it has at most 10 MB, and as a link that works without signing in until the report expires.
    """
    report = report_out(await factory.reports.create(account.id, asked.spec), factory.public_url)
    response.headers["Location"] = f"{factory.public_url}{PREFIX}/{report.id}"
    return report


@router.get("", summary="List my reports")
async def list_reports(account: AccountDep, factory: ReportFactoryDep) -> ReportsOut:
    """All my reports, newest first. Reports are deleted 30 days after they expired."""
    found = await factory.reports.list(account.id)
    return ReportsOut(items=[report_out(report, factory.public_url) for report in found])


@router.get("/{report_id}", summary="Get a report", errors=[NotFoundError])
async def get_report(report_id: UUID, account: AccountDep, factory: ReportFactoryDep) -> ReportOut:
    return report_out(await factory.reports.get(account.id, report_id), factory.public_url)


@router.get(
    "/{report_id}/file",
    summary="Download a report",
    openapi_extra=FOR_GUESTS_TOO,
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                media_type_of(each): {"schema": {"type": "string", "format": "binary"}} for each in ReportFormat
            },
            "description": "The Excel file, or the zip archive of CSV files.",
        },
    },
    errors=[NotFoundError, LinkInvalidError, ReportUnfinishedError, ReportExpiredError, BodyStoreUnavailableError],
)
async def get_report_file(
    report_id: UUID,
    account: CurrentAccountDep,
    factory: ReportFactoryDep,
    token: Annotated[
        str | None, Query(max_length=1024, description="From the link in the email; replaces signing in.")
    ] = None,
) -> StreamingResponse:
    """In CSV, cells that a spreadsheet would run as a formula begin with an apostrophe."""
    if token is not None:
        return download_response(await factory.reports.open_file_by_link(report_id, token))
    if account is None:
        raise SignInRequiredError
    return download_response(await factory.reports.open_file(account.id, report_id))


@router.delete("/{report_id}", status_code=204, summary="Delete a report", errors=[ScopeMissingError, NotFoundError])
async def delete_report(report_id: UUID, account: WriterDep, factory: ReportFactoryDep) -> None:
    """Deletes its file too, so that links in emails stop working."""
    await factory.reports.delete(account.id, report_id)
