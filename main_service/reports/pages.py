"""The page on which users order reports, see their progress, download and delete them."""

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
from main_service.reports.serializers import download_response, report_out
from main_service.reports.service import MAX_DAYS, ReportSpec, ReportState
from main_service.statistics.time_ranges import DateRange
from main_service.web.forms import Form, FormDep, FormPage, form_action, parse, redirect_after_form, redirect_to_page


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
DELETED = "deleted"
"""In the query of the page: a report is deleted."""


class ReportsPage(FormPage):
    """The page of a user's reports, for one request."""

    template = "reports/reports.html"
    not_shown_again = (UnavailableError,)

    def __init__(
        self,
        request: Request,
        account: SignedInPageDep,
        factory: ReportFactoryDep,
        collections: CollectionFactoryDep,
    ) -> None:
        super().__init__(request)
        self.reports = factory.reports
        self._public_url = factory.public_url
        self._collections = collections.collections
        self.owner_id = account.id
        self._email = account.email
        self._is_confirmed = account.is_verified

    async def show_again(self, error: AppError, form: Form) -> Response:
        return await self.show(error=error, form=form)

    def errors_by_field(self, error: AppError) -> dict[str, str]:
        if not isinstance(error, NotFoundError):
            return super().errors_by_field(error)
        if "report_id" in self.request.path_params:
            return {"": "This report has already been deleted."}
        return {"collection": "This collection no longer exists."}

    async def show(
        self,
        *,
        error: AppError | None = None,
        form: Form | None = None,
    ) -> Response:
        """The page. `form`: what was typed; None: the form is filled in from the query."""
        today = datetime.now(UTC).date()
        usual = preset_date_range(PresetRange.CHOSEN, today)
        shown = {"collection": "", "span": "", "from": str(usual.first), "to": str(usual.last), "format": ""}
        typed = self.request.query_params if form is None else form
        shown |= {name: value for name, value in typed.items() if name in shown}
        reports = [report_out(report, self._public_url) for report in await self.reports.list(self.owner_id)]
        return self.render(
            error=error,
            notice="Report deleted." if self.done == DELETED else None,
            reports=reports,
            unfinished=sum(report.state in (ReportState.WAITING, ReportState.BUILDING) for report in reports),
            form=shown,
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


def spec_of(form: Form) -> ReportSpec:
    """The report that a form asks for.

    Raises:
        InvalidInputError: with the names of the fields.
    """
    try:
        preset = PresetRange(form.get("span") or PresetRange.CHOSEN)
    except ValueError as error:
        raise InvalidInputError(fields=[FieldError("span", "span_unknown", "Choose one from the list.")]) from error
    first, last = form.get("from", ""), form.get("to", "")
    if preset is not PresetRange.CHOSEN:
        days = preset_date_range(preset, datetime.now(UTC).date())
        first, last = str(days.first), str(days.last)
    asked = {"from": first, "to": last, "format": form.get("format"), "collection": form.get("collection") or None}
    return parse(ReportIn, asked).spec


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get(ADDRESS)
async def show(page: ReportsPageDep) -> Response:
    """The form can be filled in by the address: `?collection=…&span=chosen&from=…&to=…&format=…`."""
    return await page.show()


@router.post(ADDRESS)
@form_action
async def create(page: ReportsPageDep, form: FormDep) -> Response:
    await page.reports.create(page.owner_id, spec_of(form))
    # Redirect, so that reloading the page to see the progress does not order another report.
    return RedirectResponse(ADDRESS, 303)


@router.get(f"{ADDRESS}/{{report_id:uuid}}/file")
async def get_file(report_id: UUID, page: ReportsPageDep) -> Response:
    return download_response(await page.reports.open_file(page.owner_id, report_id))


@router.post(f"{ADDRESS}/{{report_id:uuid}}/delete")
@form_action
async def delete(report_id: UUID, page: ReportsPageDep, _: FormDep) -> Response:
    await page.reports.delete(page.owner_id, report_id)
    return redirect_after_form(ADDRESS, done=DELETED)


redirect_to_page(router, ADDRESS, f"{ADDRESS}/{{report_id:uuid}}/delete")
