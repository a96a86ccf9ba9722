"""The JSON of statistics: queries and responses. Docstrings and descriptions are part of its documentation."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from main_service.entries.models import Kind
from main_service.entries.schemas import EntryOut
from main_service.statistics.leaderboard import Period
from main_service.statistics.time_ranges import Step

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _day(value: Any) -> Any:
    # Pydantic reads a number in a string as seconds since 1970.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise PydanticCustomError("day_invalid", "Give a day, such as 2030-01-31")
    return value


Day = Annotated[date, BeforeValidator(_day)]


class RangeIn(BaseModel):
    """A misspelt field is refused, because ignoring it would count everything."""

    model_config = ConfigDict(extra="forbid")

    first: Day | None = Field(None, alias="from", description="First day, in UTC. Default: the day it was created.")
    last: Day | None = Field(None, alias="to", description="Last day, in UTC. Default: today.")


class HistoryIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: Step = Step.DAY
    timezone: str = Field(
        "UTC",
        max_length=64,
        description="IANA time zone for days and months, rounded to whole hours of UTC.",
        examples=["Europe/Berlin"],
    )
    first: Day | None = Field(
        None, alias="from", description="First day there. Default: 2 days, 30 days or 365 days up to the last."
    )
    last: Day | None = Field(
        None, alias="to", description="Last day there, at most today, which is the default. By hour, at most 31 days "
        "are given; by day 400, by month 3,660."
    )  # fmt: skip


class TopIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    period: Period = Field(Period.DAY, description="The last 24 hours, 7 days or 30 days, up to now.")


class ValueOut(BaseModel):
    value: str = Field(description="`unknown`: not known; `other`: the sum of all that aren't listed.")
    visits: int


Values = Annotated[list[ValueOut], Field(description="Most frequent first, at most 100 and `other`.")]


class ImportedMonthOut(BaseModel):
    month: date = Field(description="Its first day (UTC).")
    visit_count: int
    bot_count: int
    unique_visitors: int


class BeforeImportOut(BaseModel):
    """What another installation or service counted, as its export tells it. In no other figure."""

    visit_count: int = Field(description="Visits by people.")
    bot_count: int = Field(description="Visits by crawlers.")
    first_day: date | None = Field(description="null: the export has no days, as exports of other services.")
    last_day: date | None
    months: list[ImportedMonthOut] = Field(description="Those with visits, earliest first.")


class StatisticsOut(BaseModel):
    """`key` to `before_import` are of the entry, all that follows is of the range that was asked for."""

    key: str
    kind: Kind
    original_url: str | None = Field(description="null: a paste, or a link with limited views of someone else.")
    qr_url: str | None = Field(description="The URL of its QR code (SVG); null: the entry has ended.")
    created_at: datetime
    last_visit_at: datetime | None = Field(description="null: no visits yet.")
    imported_visit_count: int = Field(
        description="Visits that another service counted before it was imported; in no other figure."
    )
    before_import: BeforeImportOut | None = Field(description="More about these; null: there were none.")
    visit_count: int = Field(description="Visits by people.")
    bot_count: int = Field(description="Visits by crawlers, which aren't counted elsewhere.")
    unique_visitors: int = Field(
        description="Daily visitors, summed over days (UTC): someone who comes on two days counts twice. An estimate, "
        "about 1 % off."
    )
    countries: Values
    devices: Values
    browsers: Values
    systems: Values
    languages: Values
    referrers: Values


class MomentOut(BaseModel):
    start: datetime = Field(description="When it starts, in the requested time zone.")
    visit_count: int
    bot_count: int


class HistoryOut(BaseModel):
    key: str
    by: Step
    timezone: str
    first: date = Field(serialization_alias="from")
    last: date = Field(serialization_alias="to")
    items: list[MomentOut] = Field(description="All steps up to now, earliest first.")


class OwnStatisticsOut(BaseModel):
    entries: int = Field(description="Live and ended ones, except those cleared long after they ended.")
    live_entries: int
    visit_count: int = Field(description="Visits by people to all of them.")
    bot_count: int
    last_visit_at: datetime | None


class TopItemOut(BaseModel):
    entry: EntryOut
    visitors: int = Field(description="Daily visitors, summed over the period; the list is ranked by it.")
    visits: int = Field(description="Visits by people in the period.")


class TopOut(BaseModel):
    period: Period
    items: list[TopItemOut] = Field(description="Most visitors first, at most 100.")
