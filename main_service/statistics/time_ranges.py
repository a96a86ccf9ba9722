"""The time ranges of statistics: hours, days and months of a time zone, each beginning at a whole hour of UTC.

Visits are counted by hours of UTC. Such an hour belongs to the day on which it begins in the time zone; so in zones
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
"""No visit is earlier."""
HOUR = timedelta(hours=1)


# The size of a bucket. The name of the class is one of the OpenAPI schema, and a docstring would be shown there.
class Step(StrEnum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


LONGEST_DAYS = {Step.HOUR: 31, Step.DAY: 400, Step.MONTH: 3_660}
"""The most days that a history may span, by the size of its buckets."""
_USUAL_DAYS = {Step.HOUR: 2, Step.DAY: 30, Step.MONTH: 365}
"""How many days it spans if no first day is given."""


@dataclass(frozen=True)
class DateRange:
    """Days from the first to the last, both included."""

    first: date
    last: date

    @property
    def until(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)

    @property
    def start_at(self) -> datetime:
        """The first instant of the days, if they are those of UTC."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end_at(self) -> datetime:
        """The first instant after the days, if they are those of UTC."""
        return datetime.combine(self.until, time(), UTC)


@dataclass(frozen=True)
class Buckets:
    """The buckets of a history: each begins where the one before it ends.

    `starts`: whole hours of UTC, ascending. `end_at`: the end of the last bucket.
    """

    starts: list[datetime]
    end_at: datetime

    def since(self, instant: datetime) -> "Buckets":
        """What is left of them from a whole hour on."""
        ends = [*self.starts[1:], self.end_at]
        return Buckets(
            [max(start, instant) for start, end in zip(self.starts, ends, strict=False) if end > instant], self.end_at
        )


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def get_zone(name: str) -> ZoneInfo:
    """The time zone of this name.

    Raises:
        InvalidInputError: the IANA time zone database has no such zone.
    """
    if name not in _zone_names():
        message = "This isn't a time zone. Use a name such as Europe/Berlin or UTC."
        raise InvalidInputError(fields=[FieldError("timezone", "timezone_unknown", message)])
    return ZoneInfo(name)


def check_date_range(first: date | None, last: date | None) -> None:
    """Check a range of days. None: that end is open.

    Raises:
        InvalidInputError: a day is out of the range that visits can have, or the last is before the first.
    """
    for name, day in (("from", first), ("to", last)):
        if day is not None and not FIRST_DAY <= day <= date(9990, 12, 31):
            raise InvalidInputError(fields=[FieldError(name, "day_out_of_range", "Give a day from the year 2000 on.")])
    if first is not None and last is not None and first > last:
        raise InvalidInputError(fields=[FieldError("from", "range_reversed", "The range ends before it begins.")])


def history_buckets(
    step: Step, *, first: date | None, last: date | None, zone: ZoneInfo, now: datetime
) -> tuple[DateRange, Buckets]:
    """The date range of a history, and its buckets. Days still to come are left out.

    Raises:
        InvalidInputError: the range is too long, ends before it begins, or begins in the future.
    """
    check_date_range(first, last)
    today = now.astimezone(zone).date()
    last = min(last or today, today)
    if first is None:
        first = max(FIRST_DAY, last - timedelta(days=_USUAL_DAYS[step] - 1))
    if first > last:
        raise InvalidInputError(fields=[FieldError("from", "range_in_future", "The range begins in the future.")])
    if (last - first).days >= LONGEST_DAYS[step]:
        message = f"A history by {step} spans at most {LONGEST_DAYS[step]:,} days. Choose fewer days or larger steps."
        raise InvalidInputError(fields=[FieldError("from", "range_too_long", message)])
    days = DateRange(first, last)
    return days, _buckets(step, days, zone, now=now)


def _buckets(step: Step, days: DateRange, zone: ZoneInfo, *, now: datetime) -> Buckets:
    end_at = min(day_start(days.until, zone), whole_hour(now) + HOUR)
    return cut(step, day_start(days.first, zone), end_at, zone)


def cut(step: Step, start_at: datetime, end_at: datetime, zone: ZoneInfo) -> Buckets:
    """The time between two whole hours of UTC in buckets; the first and the last may be parts of a day or month."""
    if step is Step.HOUR:
        return Buckets([start_at + n * HOUR for n in range(int((end_at - start_at) / HOUR))], end_at)
    days = DateRange(day_of_visit(start_at, zone), day_of_visit(end_at - HOUR, zone))
    # A day that a time zone skipped has no length, and begins with the next.
    starts = sorted({max(start_at, day_start(day, zone)) for day in _first_days(step, days)})
    return Buckets([start for start in starts if start < end_at], end_at)


def _first_days(step: Step, days: DateRange) -> Iterator[date]:
    """The first day of each bucket; that of the first month may be any of its days."""
    day = days.first
    while day <= days.last:
        yield day
        day = day + timedelta(days=1) if step is Step.DAY else (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def day_of_visit(instant: datetime, zone: ZoneInfo) -> date:
    """The day for which a visit at this instant counts."""
    return whole_hour(instant).astimezone(zone).date()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first whole hour of UTC that begins on the day, or later if the zone has skipped the day."""
    # The first midnight if there are two; the instant of the change if the clock skips midnight.
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    whole = whole_hour(midnight)
    return whole if whole == midnight else whole + HOUR


def whole_hour(instant: datetime) -> datetime:
    """The hour of UTC in which the instant lies."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
