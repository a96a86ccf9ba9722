"""The page on which users order reports, see their progress, download and delete them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import SignedInPageDep
from main_service.collections.dependencies import CollectionFactoryDep
from main_service.errors import AppError, FieldError, InvalidInputError, NotFoundError, UnavailableError
from main_service.reports.dependencies import ReportFactoryDep
from main_service.reports.models import ReportFormat
from main_service.reports.schemas import ReportIn
from main_service.reports.serializers import file_response, report_out
from main_service.reports.service import MAX_DAYS, ReportSpec, ReportState
from main_service.statistics.time_ranges import DateRange
from main_service.web.form_body import read_form
from main_service.web.forms import form_page, parse, sentences


class PresetRange(StrEnum):
    """The ranges of days that the form offers; its field is called `span`."""

    WEEK = "week"
    MONTH = "month"
    LAST_MONTH = "last-month"
    CHOSEN = "chosen"
    """The days in the two fields beside it."""


def preset_date_range(preset: PresetRange, today: date) -> DateRange:
    """The days of UTC that are meant, up to `today`; as long as none are chosen, those of a month.

    The last month is the one of the calendar that is over.
    """
    if preset is PresetRange.WEEK:
        return DateRange(today - timedelta(days=6), today)
    if preset is PresetRange.LAST_MONTH:
        last = today.replace(day=1) - timedelta(days=1)
        return DateRange(last.replace(day=1), last)
    return DateRange(today - timedelta(days=29), today)


ADDRESS = "/reports"
Fields = dict[str, str]


class ReportsPage:
    def __init__(
        self,
        request: Request,
        account: SignedInPageDep,
        factory: ReportFactoryDep,
        collections: CollectionFactoryDep,
    ) -> None:
        self._request = request
        self._reports = factory.reports
        self._public_url = factory.public_url
        self._collections = collections.collections
        self.owner_id = account.id
        self._email = account.email
        self._is_confirmed = account.is_verified

    async def after(
        self, action: Callable[[Fields], Awaitable[Response]], missing: Callable[[], dict[str, str]]
    ) -> Response:
        """Answer what `action` makes of the form, or the page with what is wrong.

        `missing`: the sentences to show, by field, if `action` raises NotFoundError.
        """
        fields = await read_form(self._request)
        try:
            return await action(fields)
        except UnavailableError:
            # The page itself needs it.
            raise
        except NotFoundError as error:
            return await self.show(error=error, errors=missing(), kept=fields)
        except AppError as error:
            return await self.show(error=error, errors=sentences(error), kept=fields)

    async def show(
        self,
        *,
        notice: str | None = None,
        error: AppError | None = None,
        errors: dict[str, str] | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> Response:
        """The page. `kept`: what was typed into the form; None: the form is filled in from the query."""
        today = datetime.now(UTC).date()
        usual = preset_date_range(PresetRange.CHOSEN, today)
        form = {"collection": "", "span": "", "from": str(usual.first), "to": str(usual.last), "format": ""}
        typed = self._request.query_params if kept is None else kept
        form |= {name: value for name, value in typed.items() if name in form}
        reports = [report_out(report, self._public_url) for report in await self._reports.list(self.owner_id)]
        return form_page(
            self._request,
            "reports/reports.html",
            error=error,
            errors=errors,
            notice=notice,
            reports=reports,
            unfinished=sum(report.state in (ReportState.WAITING, ReportState.BUILDING) for report in reports),
            form=form,
            presets=[
                (preset, None if preset is PresetRange.CHOSEN else preset_date_range(preset, today))
                for preset in PresetRange
            ],
            formats=list(ReportFormat),
            collections=await self._collections.list(self.owner_id),
            max_days=MAX_DAYS,
            email=self._email,
            is_confirmed=self._is_confirmed,
        )


ReportsPageDep = Annotated[ReportsPage, Depends()]


def spec_of(fields: Fields) -> ReportSpec:
    """The report that a form asks for.

    Raises:
        InvalidInputError: with the names of the fields.
    """
    try:
        preset = PresetRange(fields.get("span") or PresetRange.CHOSEN)
    except ValueError as error:
        raise InvalidInputError(fields=[FieldError("span", "span_unknown", "Choose one from the list.")]) from error
    first, last = fields.get("from", ""), fields.get("to", "")
    if preset is not PresetRange.CHOSEN:
        days = preset_date_range(preset, datetime.now(UTC).date())
        first, last = str(days.first), str(days.last)
    asked = {"from": first, "to": last, "format": fields.get("format"), "collection": fields.get("collection") or None}
    return parse(ReportIn, **asked).spec


def lead_to_page() -> Response:
    return RedirectResponse(ADDRESS, 303)


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get(ADDRESS)
async def show(page: ReportsPageDep) -> Response:
    """The form can be filled in by the address: `?collection=…&span=chosen&from=…&to=…&format=…`."""
    return await page.show()


@router.post(ADDRESS)
async def ask(page: ReportsPageDep, factory: ReportFactoryDep) -> Response:
    async def order(fields: Fields) -> Response:
        await factory.reports.create(page.owner_id, spec_of(fields))
        # Redirect, so that reloading the page to see the progress does not order another report.
        return lead_to_page()

    return await page.after(order, lambda: {"collection": "This collection no longer exists."})


@router.get(f"{ADDRESS}/{{report_id:uuid}}/file")
async def get_file(report_id: UUID, page: ReportsPageDep, factory: ReportFactoryDep) -> Response:
    return file_response(await factory.reports.open_file(page.owner_id, report_id))


@router.post(f"{ADDRESS}/{{report_id:uuid}}/delete")
async def delete(report_id: UUID, page: ReportsPageDep, factory: ReportFactoryDep) -> Response:
    async def end(_: Fields) -> Response:
        await factory.reports.delete(page.owner_id, report_id)
        return await page.show(notice="Report deleted.")

    return await page.after(end, lambda: {"": "This report has already been deleted."})


@router.get(f"{ADDRESS}/{{report_id:uuid}}/delete")
async def lead_back() -> Response:
    """Redirects a browser that opens the URL of a form."""
    return lead_to_page()
