"""Bitlinks of Bitly, which are links of a user, and their clicks."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from main_service.doors.bitly.answers import Json, bitlink_out, time_out
from main_service.doors.bitly.errors import BitlyRoute
from main_service.doors.creating import create_link
from main_service.doors.foreign_answers import ReadingUserDep, WritingUserDep
from main_service.doors.foreign_links import get_link_to_expand
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.field_types import TargetUrl, Title
from main_service.entries.models import Kind
from main_service.entries.permissions import Actor
from main_service.entries.schemas import EntryChangeIn
from main_service.errors import NotFoundError
from main_service.my_entries.dependencies import MyEntriesFactoryDep
from main_service.statistics.dependencies import StatisticsFactoryDep
from main_service.statistics.factory import StatisticsFactory
from main_service.statistics.service import CountedEntry
from main_service.statistics.time_ranges import LONGEST_DAYS, Step
from main_service.web.forms import parse

PREFIX = "/v4"
ALL = -1
MAX_UNITS = 1_000

_DAYS = {"day": 1, "week": 7, "month": 30}

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=BitlyRoute)


class BitlinkIn(BaseModel):
    long_url: TargetUrl
    title: Title | None = None
    keyword: str | None = None


class BitlinkChangeIn(BaseModel):
    long_url: str | None = None
    title: Title | None = None


class ExpandIn(BaseModel):
    bitlink_id: str


class ClicksIn(BaseModel):
    unit: Literal["day", "week", "month"] = "day"
    units: int = Field(ALL, ge=ALL, le=MAX_UNITS)


AskedClicks = Annotated[ClicksIn, Query()]


@router.post("/shorten")
@router.post("/bitlinks")
async def create_bitlink(
    asked: BitlinkIn, request: Request, response: Response, account: WritingUserDep, factory: MyEntriesFactoryDep
) -> Json:
    """A link that leads there already is given back with 200, unless a keyword is asked for."""
    if asked.keyword is None:
        same = await factory.numbered_links.find_same(account.id, asked.long_url)
        if same is not None:
            return bitlink_out(same.entry, factory.public_url)
    values = {"original_url": asked.long_url, "title": asked.title, "alias": asked.keyword}
    made = await create_link(request, {name: it for name, it in values.items() if it is not None}, account=account)
    response.status_code = 201
    return bitlink_out(made.entry, factory.public_url)


@router.post("/expand")
async def expand(asked: ExpandIn, account: ReadingUserDep, entries: EntryFactoryDep) -> Json:
    entry = await get_link_to_expand(asked.bitlink_id, Actor(account_id=account.id), entries)
    shown = bitlink_out(entry, entries.public_url)
    return {name: shown[name] for name in ("created_at", "id", "link", "long_url")}


@router.get("/bitlinks/{host}/{key}")
async def get_bitlink(host: str, key: str, account: ReadingUserDep, factory: MyEntriesFactoryDep) -> Json:
    _check_host(host, factory.public_url)
    return bitlink_out((await factory.numbered_links.get(account.id, key)).entry, factory.public_url)


@router.patch("/bitlinks/{host}/{key}")
async def change_bitlink(
    host: str, key: str, asked: BitlinkChangeIn, account: WritingUserDep, entries: EntryFactoryDep,
    factory: MyEntriesFactoryDep,
) -> Json:  # fmt: skip
    _check_host(host, entries.public_url)
    await factory.numbered_links.get(account.id, key)
    values: Json = {"title": asked.title} if "title" in asked.model_fields_set else {}
    if asked.long_url is not None:
        values["original_url"] = asked.long_url
    changes = parse(EntryChangeIn, values).changes
    return bitlink_out(await entries.changes.update(key, changes, Actor(account_id=account.id)), entries.public_url)


@router.delete("/bitlinks/{host}/{key}")
async def delete_bitlink(
    host: str, key: str, account: WritingUserDep, entries: EntryFactoryDep, factory: MyEntriesFactoryDep
) -> Json:
    _check_host(host, entries.public_url)
    link = await factory.numbered_links.get(account.id, key)
    await entries.changes.delete(key, Actor(account_id=account.id))
    return {"links_deleted": [{"id": bitlink_out(link.entry, entries.public_url)["id"]}]}


@router.get("/bitlinks/{host}/{key}/clicks")
async def list_clicks(
    host: str, key: str, asked: AskedClicks, account: ReadingUserDep, statistics: StatisticsFactoryDep
) -> Json:
    """Clicks of people by day, week or month, the latest first; those without clicks are left out."""
    entry = await _open(host, key, account.id, statistics)
    clicks = await _clicks(entry, asked, statistics)
    items = [
        {"date": f"{day:%Y-%m-%d}T00:00:00+0000", "clicks": count}
        for day, count in sorted(clicks.items(), reverse=True)
    ]
    return {"link_clicks": items, **_asked_units(asked)}


@router.get("/bitlinks/{host}/{key}/clicks/summary")
async def sum_clicks(
    host: str, key: str, asked: AskedClicks, account: ReadingUserDep, statistics: StatisticsFactoryDep
) -> Json:
    entry = await _open(host, key, account.id, statistics)
    total = entry.visit_count if asked.units == ALL else sum((await _clicks(entry, asked, statistics)).values())
    return {"total_clicks": total, **_asked_units(asked)}


async def _open(host: str, key: str, account_id: UUID, statistics: StatisticsFactory) -> CountedEntry:
    _check_host(host, statistics.public_url)
    entry = await statistics.statistics.open(key, Actor(account_id=account_id))
    if entry.kind is not Kind.LINK:
        raise NotFoundError
    return entry


async def _clicks(entry: CountedEntry, asked: ClicksIn, statistics: StatisticsFactory) -> dict[date, int]:
    """Clicks by the first day of each unit: weeks begin on Mondays, months on their first day. All are of UTC."""
    today = datetime.now(UTC).date()
    first = entry.created_at.astimezone(UTC).date()
    if asked.units != ALL:
        first = max(first, today - timedelta(days=_DAYS[asked.unit] * asked.units - 1))
    found: dict[date, int] = {}
    while first <= today:
        last = min(today, first + timedelta(days=LONGEST_DAYS[Step.DAY] - 1))
        history = await statistics.statistics.list_history(entry, step=Step.DAY, timezone="UTC", first=first, last=last)
        for bucket in history.buckets:
            if bucket.people:
                unit = _start_of(asked.unit, bucket.start_at.date())
                found[unit] = found.get(unit, 0) + bucket.people
        first = last + timedelta(days=1)
    return found


def _start_of(unit: str, day: date) -> date:
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if unit == "week" else day


def _asked_units(asked: ClicksIn) -> Json:
    return {"unit": asked.unit, "units": asked.units, "unit_reference": time_out(datetime.now(UTC))}


def _check_host(host: str, public_url: str) -> None:
    if host.lower() != public_url.partition("://")[2].lower():
        raise NotFoundError
