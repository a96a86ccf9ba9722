"""Sparklines: the visits of the last days, drawn beside an entry in a list."""

from collections.abc import Sequence

STEP = 6
HEIGHT = 20
_MARGIN = 2


def sparkline_width(days: int) -> int:
    """The width of a sparkline of so many days, in units of its drawing."""
    return (days - 1) * STEP + 2 * _MARGIN


def draw_sparkline(counts: Sequence[int]) -> str:
    """The path of a line through `counts`, from the oldest to the newest, as SVG has it in its attribute `d`.

    The scale begins at 0 and ends at the highest count: it shows when an entry was visited, not how often.
    """
    highest = max(counts, default=0) or 1
    room = HEIGHT - 2 * _MARGIN
    points = (
        f"{_MARGIN + index * STEP} {HEIGHT - _MARGIN - round(count * room / highest, 1):g}"
        for index, count in enumerate(counts)
    )
    return "M" + "L".join(points)
