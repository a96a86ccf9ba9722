"""Time as statistics cut it: hours, days and months of a time zone, each beginning at a whole hour of UTC.

Visits are counted by hours of UTC. Such an hour belongs to the day on which it begins where the reader is; so in zones
that are half an hour off, the visits of a day's first half hour count for the day before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from main_service.errors import FieldError, InvalidInputError

FIRST_DAY = date(2000, 1, 1)
"""Before any visit."""
HOUR = timedelta(hours=1)


class Step(StrEnum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


LONGEST_DAYS = {Step.HOUR: 31, Step.DAY: 400, Step.MONTH: 3_660}
"""The most days that a history may span."""
_USUAL_DAYS = {Step.HOUR: 2, Step.DAY: 30, Step.MONTH: 365}
"""What it spans unless it is said."""


@dataclass(frozen=True)
class Days:
    """From the first to the last, both included."""

    first: date
    last: date

    @property
    def until(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)

    @property
    def start_at(self) -> datetime:
        """Their first moment, in UTC."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end_at(self) -> datetime:
        """The first moment after them, in UTC."""
        return datetime.combine(self.until, time(), UTC)


@dataclass(frozen=True)
class Steps:
    """`starts`: whole hours of UTC, ascending, each the end of the one before; `end_at`: of the last."""

    starts: list[datetime]
    end_at: datetime


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def get_zone(name: str) -> ZoneInfo:
    """Raises:
    InvalidInputError: the IANA time zone database has no such zone.
    """
    if name not in _zone_names():
        message = "This is not the name of a time zone, such as Europe/Berlin or UTC."
        raise InvalidInputError(fields=[FieldError("timezone", "timezone_unknown", message)])
    return ZoneInfo(name)


def check_order(first: date | None, last: date | None) -> None:
    """Raises:
    InvalidInputError: the days are none that there could be visits on, or end before they begin.
    """
    for name, day in (("from", first), ("to", last)):
        if day is not None and not FIRST_DAY <= day <= date(9990, 12, 31):
            raise InvalidInputError(fields=[FieldError(name, "day_out_of_range", "Give a day from the year 2000 on.")])
    if first is not None and last is not None and first > last:
        raise InvalidInputError(fields=[FieldError("from", "range_reversed", "The range ends before it begins.")])


def history_steps(
    step: Step, *, first: date | None, last: date | None, zone: ZoneInfo, now: datetime
) -> tuple[Days, Steps]:
    """The days that are meant, and their steps. What is still to come is left out.

    Raises:
        InvalidInputError: the range is too long, ends before it begins, or begins in the future.
    """
    check_order(first, last)
    today = now.astimezone(zone).date()
    last = min(last or today, today)
    if first is None:
        first = max(FIRST_DAY, last - timedelta(days=_USUAL_DAYS[step] - 1))
    if first > last:
        raise InvalidInputError(fields=[FieldError("from", "range_in_future", "The range begins in the future.")])
    if (last - first).days >= LONGEST_DAYS[step]:
        message = f"A history by {step} spans at most {LONGEST_DAYS[step]:,} days; ask for less, or for larger steps."
        raise InvalidInputError(fields=[FieldError("from", "range_too_long", message)])
    days = Days(first, last)
    return days, _cut(step, days, zone, now=now)


def _cut(step: Step, days: Days, zone: ZoneInfo, *, now: datetime) -> Steps:
    end_at = min(day_start(days.until, zone), _whole_hour(now) + HOUR)
    if step is Step.HOUR:
        start = day_start(days.first, zone)
        return Steps([start + n * HOUR for n in range(int((end_at - start) / HOUR))], end_at)
    # A day that a zone has passed over is as long as nothing.
    starts = sorted({day_start(day, zone) for day in _first_days(step, days)})
    return Steps([start for start in starts if start < end_at], end_at)


def _first_days(step: Step, days: Days) -> Iterator[date]:
    """Of each step; the first month may begin within."""
    day = days.first
    while day <= days.last:
        yield day
        day = day + timedelta(days=1) if step is Step.DAY else (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def day_of_visit(instant: datetime, zone: ZoneInfo) -> date:
    """The day for which a visit at this instant counts."""
    return _whole_hour(instant).astimezone(zone).date()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first whole hour of UTC that begins on the day, or later if the zone has passed the day over."""
    # Where midnight comes twice it is the first; where the clock leaps over it, the moment of the leap.
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    whole = _whole_hour(midnight)
    return whole if whole == midnight else whole + HOUR


def _whole_hour(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
