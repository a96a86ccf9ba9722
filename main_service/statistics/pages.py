"""The page of an entry's statistics: one period, in one time zone, of all visits or of those that match filters.

It is shown at `/{key}/stats` to owners and where statistics are public, and at `/{key}/manage/stats`, which gets the
manage token of a guest's entry.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.entries.dependencies import PageActorDep
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.entries.permissions import Actor
from main_service.entries.serializers import short_url
from main_service.entry_pages.manage_pages import ManagePageDep
from main_service.errors import InvalidInputError
from main_service.statistics import panels
from main_service.statistics.dependencies import StatisticsFactoryDep
from main_service.statistics.page_query import PageQuery, read_page_query
from main_service.statistics.period_figures import MAX_FILTERED, PeriodFigures
from main_service.statistics.periods import USUAL, Period, Preset, get_period
from main_service.statistics.service import CountedEntry
from main_service.statistics.time_ranges import HOUR
from main_service.visits.countries import source_of
from main_service.web.templating import render

_PERIODS = {
    Preset.DAY: "24 hours",
    Preset.WEEK: "7 days",
    Preset.MONTH: "30 days",
    Preset.QUARTER: "90 days",
    Preset.ALL: "All time",
    Preset.CUSTOM: "Custom",
}


class StatisticsPage:
    """The page of an entry's statistics, at either of its addresses."""

    def __init__(self, key: str, request: Request, factory: StatisticsFactoryDep) -> None:
        self._key = key
        self._request = request
        self._factory = factory

    async def show(self, actor: Actor, *, address: str) -> Response:
        """The page, for a client that may see it. `address`: the path at which it is shown.

        Raises:
            AppError: there is no such entry, or the client may not see its statistics.
        """
        entry = await self._factory.statistics.open(self._key, actor)
        query = read_page_query(self._request.query_params, address=address)
        period = _period(query, entry)
        figures = await self._factory.periods.get_figures(entry, period, query.zone)
        if query.filters:
            figures = await self._factory.periods.filter(entry, period, figures, query.filters, query.zone)
        return render(
            self._request,
            "statistics/statistics.html",
            status=422 if query.errors else 200,
            entry=entry,
            url=short_url(self._factory.public_url, self._key),
            errors=query.errors,
            query=query,
            periods=[(label, query.period_link(preset), preset is query.preset) for preset, label in _PERIODS.items()],
            is_custom=query.preset is Preset.CUSTOM,
            filters=panels.get_filters(query),
            before_import=panels.get_before_import(entry, await self._factory.statistics.list_imported(entry)),
            country_source=source_of(self._factory.settings),
            **_parts(figures, period, query),
        )


StatisticsPageDep = Annotated[StatisticsPage, Depends()]


def _period(query: PageQuery, entry: CountedEntry) -> Period:
    """The period that was asked for; the default one if it is unknown."""
    times: Any = {"zone": query.zone, "created_at": entry.created_at, "now": datetime.now(UTC)}
    if not query.errors.keys() & {"from", "to"}:
        try:
            return get_period(query.preset, first=query.first, last=query.last, **times)
        except InvalidInputError as error:
            query.refuse(error)
    return get_period(USUAL, first=None, last=None, **times)


def _parts(figures: PeriodFigures, period: Period, query: PageQuery) -> dict[str, Any]:
    def days(start_at: datetime, end_at: datetime) -> str:
        return panels.range_text(start_at.astimezone(query.zone), (end_at - HOUR).astimezone(query.zone))

    filterable = figures.filterable
    last_hour_at = max(period.start_at, period.end_at - HOUR)
    return {
        "step": period.step.value,
        "range": days(period.start_at, last_hour_at + HOUR),
        "shown_days": {
            "from": period.start_at.astimezone(query.zone).date(),
            "to": last_hour_at.astimezone(query.zone).date(),
        },
        "range_before": figures.before and period.before and days(*period.before),
        "figures": panels.get_figures(figures, period),
        "people": figures.people,
        "bots": figures.bots,
        "chart": panels.get_chart(figures.buckets, period.step),
        "panels": panels.get_panels(figures, query),
        "days_of_panels": figures.values_of
        and panels.range_text(figures.values_of.start_at, figures.values_of.end_at - HOUR),
        "filterable_since": filterable.since and filterable.since.astimezone(query.zone),
        "filter_limit": filterable.limit and filterable.limit.value,
        "most_filtered": MAX_FILTERED,
    }


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/{key}/stats")
async def show(key: str, actor: PageActorDep, page: StatisticsPageDep) -> Response:
    try:
        return await page.show(actor, address=f"/{key}/stats")
    except ManageTokenMissingError:
        return RedirectResponse(f"/{key}/manage/stats", 303)


@router.get("/{key}/manage/stats")
async def show_to_manager(key: str, managing: ManagePageDep, page: StatisticsPageDep) -> Response:
    try:
        return await page.show(managing.actor, address=f"/{key}/manage/stats")
    except ManageTokenMissingError:
        return managing.show()
    except ManageTokenWrongError as error:
        return managing.show(error=error)
