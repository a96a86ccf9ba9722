"""The periods of the statistics page: from when to when, in which steps, and with what they are compared."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from main_service.errors import FieldError, InvalidInputError
from main_service.statistics.time_ranges import (
    HOUR,
    LONGEST_DAYS,
    Buckets,
    Step,
    check_date_range,
    cut,
    day_start,
    whole_hour,
)


class Preset(StrEnum):
    """The periods that one can choose. Days are those of a time zone, up to today."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    ALL = "all"
    CUSTOM = "custom"


USUAL = Preset.MONTH
_DAYS = {Preset.WEEK: 7, Preset.MONTH: 30, Preset.QUARTER: 90}
_BY_HOUR_UP_TO = timedelta(hours=49)
"""Two days, also if a clock is set back on one of them."""
_BY_DAY_UP_TO = timedelta(days=121)


@dataclass(frozen=True)
class Period:
    """A period, as far as the entry existed and up to the present hour."""

    step: Step
    buckets: Buckets
    """None, if it was over before there was the entry."""
    days: int | None
    """How many days were asked for; None: the last 24 hours, or all time."""
    before: tuple[datetime, datetime] | None
    """Start and end of the period before: of the same length, ending as early in its last day. None: the entry did not
    exist in all of it, or there is none before."""

    @property
    def start_at(self) -> datetime:
        return self.buckets.starts[0] if self.buckets.starts else self.buckets.end_at

    @property
    def end_at(self) -> datetime:
        return self.buckets.end_at


@dataclass(frozen=True)
class _Asked:
    start_at: datetime
    end_at: datetime
    days: int | None
    before_at: datetime | None
    """When the period before begins."""


def get_period(
    preset: Preset, *, first: date | None, last: date | None, zone: ZoneInfo, created_at: datetime, now: datetime
) -> Period:
    """The period of an entry. `first` and `last` are those of a custom one; None: since it was made, today.

    Raises:
        InvalidInputError: the custom period ends before it begins, begins in the future, or is too long.
    """
    born_at = whole_hour(created_at)
    asked = _ask(preset, first=first, last=last, zone=zone, born_at=born_at, now=now)
    start_at = min(max(asked.start_at, born_at), asked.end_at)
    length = asked.end_at - start_at
    by_days = Step.DAY if length <= _BY_DAY_UP_TO else Step.MONTH
    step = Step.HOUR if length <= _BY_HOUR_UP_TO else by_days
    before = None
    if asked.before_at is not None and born_at <= asked.before_at:
        before = asked.before_at, min(asked.start_at, asked.before_at + (asked.end_at - asked.start_at))
    return Period(step, cut(step, start_at, asked.end_at, zone), asked.days, before)


def _ask(
    preset: Preset, *, first: date | None, last: date | None, zone: ZoneInfo, born_at: datetime, now: datetime
) -> _Asked:
    today = now.astimezone(zone).date()
    now_end_at = whole_hour(now) + HOUR
    if preset is Preset.DAY:
        start_at = now_end_at - timedelta(days=1)
        return _Asked(start_at, now_end_at, None, start_at - timedelta(days=1))
    if preset is Preset.ALL:
        return _Asked(max(born_at, now_end_at - timedelta(days=LONGEST_DAYS[Step.MONTH])), now_end_at, None, None)
    if preset is Preset.CUSTOM:
        first, last = _check_custom(first, last, today=today, born=born_at.astimezone(zone).date())
    else:
        first, last = today - timedelta(days=_DAYS[preset] - 1), today
    days = (last - first).days + 1
    return _Asked(
        start_at=day_start(first, zone),
        end_at=min(day_start(last + timedelta(days=1), zone), now_end_at),
        days=days,
        before_at=day_start(first - timedelta(days=days), zone),
    )


def _check_custom(first: date | None, last: date | None, *, today: date, born: date) -> tuple[date, date]:
    check_date_range(first, last)
    last = min(last or today, today)
    first = first or max(min(born, last), last - timedelta(days=LONGEST_DAYS[Step.MONTH] - 1))
    if first > last:
        raise InvalidInputError(fields=[FieldError("from", "range_in_future", "The period begins in the future.")])
    if (last - first).days >= LONGEST_DAYS[Step.MONTH]:
        message = f"Choose at most {LONGEST_DAYS[Step.MONTH]:,} days."
        raise InvalidInputError(fields=[FieldError("from", "range_too_long", message)])
    return first, last
