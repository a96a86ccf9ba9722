"""The geometry of charts. The template draws them: pictures without text, which stretch with the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 1000
HEIGHT = 200
_FILLED = 0.8
"""The share of its slot that a column fills."""
_LEAST_HEIGHT = 2
"""The height of the lowest column: one visit among thousands must be visible."""


@dataclass(frozen=True)
class ChartColumn:
    """A column of a chart. Lengths are in the units of `WIDTH` and `HEIGHT`; `y` grows downwards."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ColumnChart:
    """Columns side by side."""

    columns: list[ChartColumn]
    ceiling: int
    """The value at the upper edge."""


@dataclass(frozen=True)
class Share:
    """A value of a dimension as a horizontal bar."""

    value: str
    visits: int
    percent: float
    """The share of all visits."""
    length: float
    """The length of the bar, in percent of the longest."""


def column_chart(labelled: Sequence[tuple[str, int]]) -> ColumnChart:
    """The chart of these labels and values."""
    ceiling = _ceiling(max((value for _, value in labelled), default=0))
    room = WIDTH / max(1, len(labelled))

    def column(index: int, label: str, value: int) -> ChartColumn:
        height = max(_LEAST_HEIGHT, HEIGHT * value / ceiling) if value else 0
        return ChartColumn(
            label=label,
            value=value,
            x=round((index + (1 - _FILLED) / 2) * room, 2),
            y=round(HEIGHT - height, 2),
            width=round(room * _FILLED, 2),
            height=round(height, 2),
        )

    return ColumnChart([column(index, label, value) for index, (label, value) in enumerate(labelled)], ceiling)


def shares(counts: Sequence[tuple[str, int]]) -> list[Share]:
    """The bars of these values and their visits, in the same order."""
    total = sum(visits for _, visits in counts) or 1
    longest = max((visits for _, visits in counts), default=0) or 1
    return [
        Share(value, visits, percent=100 * visits / total, length=round(100 * visits / longest, 2))
        for value, visits in counts
    ]


def _ceiling(highest: int) -> int:
    """The least of 2, 4, 6, 8 or 10 times a power of ten that is not below; half of it is a whole number."""
    power: int = 10 ** int(math.log10(max(2, highest) - 1))
    return next(factor * power for factor in (2, 4, 6, 8, 10) if factor * power >= highest)
