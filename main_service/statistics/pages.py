"""The page of an entry's statistics: one period, in one time zone, each chart with its table.

It is shown at `/{key}/stats` to owners and where statistics are public, and at `/{key}/manage/stats`, which gets the
manage token of a guest's entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.entries.dependencies import PageActorDep
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.entries.permissions import Actor
from main_service.entries.serializers import short_url
from main_service.entry_pages.manage_pages import ManagePageDep
from main_service.errors import InvalidInputError
from main_service.statistics.charts import HEIGHT, WIDTH, Share, column_chart, shares
from main_service.statistics.dependencies import StatisticsFactoryDep
from main_service.statistics.service import Bucket, CountedEntry, History, Summary
from main_service.statistics.time_ranges import LONGEST_DAYS, Step, day_of_visit, get_zone
from main_service.visits.countries import source_of
from main_service.visits.models import OTHER, UNKNOWN, Dimension
from main_service.web.templating import render

PERIODS = {
    "day": "Today and yesterday",
    "week": "7 days",
    "month": "30 days",
    "year": "12 months",
    "all": "All time",
}
_USUAL = "month"
_BY_DAY_UP_TO = timedelta(days=120)
_SHOWN = 10
"""Values of a dimension that are shown at once; the others are folded up."""

_HEADINGS = {
    Dimension.REFERRER: ("Referrers", "Referrer"),
    Dimension.COUNTRY: ("Countries", "Country"),
    Dimension.DEVICE: ("Devices", "Device"),
    Dimension.BROWSER: ("Browsers", "Browser"),
    Dimension.OS: ("Operating systems", "System"),
    Dimension.LANGUAGE: ("Languages", "Language"),
}
_WORDS = {OTHER: "Others", UNKNOWN: "Not known"}


@dataclass(frozen=True)
class Breakdown:
    id: str
    heading: str
    column: str
    first: list[Share]
    more: list[Share]


@dataclass(frozen=True)
class Row:
    label: str
    people: int
    bots: int


class StatisticsPage:
    """The page of an entry's statistics, at either of its addresses."""

    def __init__(self, key: str, request: Request, factory: StatisticsFactoryDep) -> None:
        self._key = key
        self._request = request
        self._statistics = factory.statistics
        self._settings = factory.settings

    async def show(self, actor: Actor, *, address: str) -> Response:
        """The page, for a client that may see it. `address`: the path at which it is shown.

        Raises:
            AppError: there is no such entry, or the client may not see its statistics.
        """
        entry = await self._statistics.open(self._key, actor)
        asked = self._request.query_params
        period = asked.get("period", _USUAL) if asked.get("period", _USUAL) in PERIODS else _USUAL
        timezone, error = asked.get("timezone", "").strip() or "UTC", None
        try:
            zone = get_zone(timezone)
        except InvalidInputError as wrong:
            zone, error = get_zone("UTC"), wrong
        step, first, last = _preset_range(period, entry, zone)
        history = await self._statistics.list_history(entry, step=step, timezone=zone.key, first=first, last=last)
        summary = await self._statistics.summarise(entry, first=first, last=last)
        return render(
            self._request,
            "statistics/statistics.html",
            status=error.status if error else 200,
            errors={each.field: each.message for each in error.fields} if error else {},
            entry=entry,
            url=short_url(self._settings.public_url, self._key),
            total=await self._statistics.count(entry),
            period=period,
            periods=[(name, label, _address(address, name, zone)) for name, label in PERIODS.items()],
            own_address=address,
            timezone=timezone,
            zone=zone.key,
            step=step.value,
            rows=_rows(history, step),
            chart=column_chart([(_label(each, step), each.people) for each in history.buckets]),
            width=WIDTH,
            height=HEIGHT,
            breakdowns=_breakdowns(summary),
            country_source=source_of(self._settings),
            counts=summary.counts,
            first=first,
            last=last,
            words=_WORDS,
        )


StatisticsPageDep = Annotated[StatisticsPage, Depends()]


def _preset_range(period: str, entry: CountedEntry, zone: ZoneInfo) -> tuple[Step, date, date]:
    today = datetime.now(UTC).astimezone(zone).date()
    if period == "day":
        return Step.HOUR, today - timedelta(days=1), today
    if period == "year":
        return Step.MONTH, (today.replace(day=1) - timedelta(days=334)).replace(day=1), today
    if period == "all":
        longest = timedelta(days=LONGEST_DAYS[Step.MONTH] - 1)
        born = min(today, max(day_of_visit(entry.created_at, zone), today - longest))
        return (Step.DAY if today - born < _BY_DAY_UP_TO else Step.MONTH), born, today
    return Step.DAY, today - timedelta(days=6 if period == "week" else 29), today


def _address(address: str, period: str, zone: ZoneInfo) -> str:
    return f"{address}?{urlencode({'period': period} | ({'timezone': zone.key} if zone.key != 'UTC' else {}))}"


def _rows(history: History, step: Step) -> list[Row]:
    return [Row(_label(each, step), each.people, each.bots) for each in history.buckets]


def _label(bucket: Bucket, step: Step) -> str:
    start = bucket.start_at
    if step is Step.MONTH:
        return f"{start:%b %Y}"
    return f"{start.day} {start:%b, %H:%M}" if step is Step.HOUR else f"{start.day} {start:%b %Y}"


def _breakdowns(summary: Summary) -> Sequence[Breakdown]:
    def breakdown(dimension: Dimension, heading: str, column: str) -> Breakdown:
        found = shares([(each.value, each.visits) for each in summary.values[dimension]])
        return Breakdown(dimension.value, heading, column, found[:_SHOWN], found[_SHOWN:])

    return [breakdown(dimension, *words) for dimension, words in _HEADINGS.items()]


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
