"""The geometry of charts, in percent of width and height, so that they stretch with the page while labels don't."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from main_service.statistics.axes import time_ticks, value_label, value_ticks
from main_service.statistics.time_ranges import Step

_FILLED = 0.8
"""The share of its slot that a column fills."""
_WIDEST = 12.0
"""The width of the widest column: few columns are no blocks."""
_MIN_HEIGHT = 1.0
"""The height of the lowest column: one visit among thousands must be visible."""
_EDGE = 98.0
"""The position from which labels end with the chart: centred, they would reach beyond the margin of the page."""


@dataclass(frozen=True)
class ChartColumn:
    """A column in its slot, which is as high as the chart. `top`: measured from above; None: nothing to see."""

    label: str
    people: int
    bots: int
    slot: float
    slot_width: float
    left: float
    width: float
    top: float | None

    @property
    def height(self) -> float:
        return round(100 - (100 if self.top is None else self.top), 3)


@dataclass(frozen=True)
class ValueLine:
    """A line across the chart, with its value at the side."""

    value: int
    label: str
    """The value in few characters: 20k, 5M."""
    top: float


@dataclass(frozen=True)
class TimeLabel:
    """A label below the chart. `anchor`: the part of it that is at `left`."""

    text: str
    left: float
    anchor: str


@dataclass(frozen=True)
class ColumnChart:
    """Columns side by side, from 0 up, with both axes."""

    columns: list[ChartColumn]
    lines: list[ValueLine]
    labels: list[TimeLabel]


@dataclass(frozen=True)
class ChartedBucket:
    """What a column stands for. `start_at`: in the zone of the reader."""

    start_at: datetime
    label: str
    people: int
    bots: int


def column_chart(buckets: Sequence[ChartedBucket], step: Step) -> ColumnChart:
    """The chart of the visits of people."""
    ticks = value_ticks(max((each.people for each in buckets), default=0))
    ceiling = ticks[-1]
    room = 100 / max(1, len(buckets))
    width = min(room * _FILLED, _WIDEST)

    def column(index: int, bucket: ChartedBucket) -> ChartColumn:
        height = max(_MIN_HEIGHT, 100 * bucket.people / ceiling)
        return ChartColumn(
            label=bucket.label,
            people=bucket.people,
            bots=bucket.bots,
            slot=round(index * room, 3),
            slot_width=round(room, 3),
            left=round((index + 0.5) * room - width / 2, 3),
            width=round(width, 3),
            top=round(100 - height, 3) if bucket.people else None,
        )

    def label(index: int, text: str) -> TimeLabel:
        left = (index + 0.5) * room
        return TimeLabel(text, 100, "end") if left > _EDGE else TimeLabel(text, round(left, 3), "middle")

    return ColumnChart(
        columns=[column(index, bucket) for index, bucket in enumerate(buckets)],
        lines=[ValueLine(value, value_label(value), round(100 - 100 * value / ceiling, 3)) for value in ticks],
        labels=[label(tick.index, tick.label) for tick in time_ticks([each.start_at for each in buckets], step)],
    )
