"""The axes of charts: which values are drawn at the side, and which hours, days or months are named below."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from main_service.statistics.time_ranges import Step

_MAX_PARTS = 4
_MAX_LABELS = 7
"""The number of labels for which a phone has room."""
_MAX_MONDAYS = 56
"""Days, up to which each Monday is named."""


@dataclass(frozen=True)
class TimeTick:
    """A bucket that is named below the chart."""

    index: int
    label: str


def value_ticks(highest: int) -> list[int]:
    """Values from 0 to the first that is not below `highest`, in steps of 1, 2 or 5 times a power of ten; at most 5."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            step = factor * power
            parts = max(1, -(-highest // step))
            if parts <= _MAX_PARTS:
                return [n * step for n in range(parts + 1)]
        power *= 10


def value_label(value: int) -> str:
    """A value of `value_ticks` in at most four characters, up to a thousand thousand millions: 500, 20k, 5M."""
    for size, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size and value % (size // 10) == 0:
            return f"{value / size:g}{sign}"
    return str(value)


def time_ticks(starts: Sequence[datetime], step: Step) -> list[TimeTick]:
    """The buckets that are named, at most seven. `starts`: when each begins, in the zone of the reader."""
    if step is Step.HOUR:
        return _ticks(starts, _hour_label, [_every_hours(n) for n in (1, 2, 3, 4, 6, 12, 24)])
    if step is Step.MONTH:
        return _ticks(starts, _month_label, [_every_months(n) for n in (1, 2, 3, 6, 12, 24, 60)])
    return _ticks(starts, _day_label, _choices_of_days(starts))


_IsNamed = Callable[[datetime], bool]


def _ticks(starts: Sequence[datetime], label: Callable[[datetime], str], choices: Sequence[_IsNamed]) -> list[TimeTick]:
    """The ticks of the first choice that names few enough of them; of the last, if none does."""
    named: list[TimeTick] = []
    for is_named in choices:
        named = [TimeTick(index, label(start)) for index, start in enumerate(starts) if is_named(start)]
        if len(named) <= _MAX_LABELS:
            break
    return named


def _choices_of_days(starts: Sequence[datetime]) -> list[_IsNamed]:
    if len(starts) <= 2 * _MAX_LABELS:
        # Counted from the end, so that today has a label.
        last = starts[-1].date() if starts else None
        return [lambda _: True, lambda start: last is not None and (last - start.date()).days % 2 == 0]
    months: list[_IsNamed] = [lambda start: start.day in (1, 15), lambda start: start.day == 1]
    return [lambda start: start.weekday() == 0, *months] if len(starts) <= _MAX_MONDAYS else months


def _every_hours(count: int) -> _IsNamed:
    return lambda start: start.hour % count == 0


def _every_months(count: int) -> _IsNamed:
    return lambda start: (start.year * 12 + start.month - 1) % count == 0


def _hour_label(start: datetime) -> str:
    return f"{start:%H:%M}" if start.hour else _day_label(start)


def _day_label(start: datetime) -> str:
    return f"{start.day} {start:%b}"


def _month_label(start: datetime) -> str:
    return f"{start:%b}" if start.month > 1 else f"{start.year}"
