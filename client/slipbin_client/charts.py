"""Charts made of characters: columns over time, and bars beside values."""

from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_EIGHTHS_ACROSS = " ▏▎▍▌▋▊▉█"
HEIGHT = 8


def columns(values: Sequence[int], *, width: int, height: int = HEIGHT, has_blocks: bool = True) -> list[str]:
    """Lines from the top: a column for each value, with the largest value at its top. Ends with the axis.

    `values`: at least one. Where there are more than fit, as many neighbours as it takes are added up to one column.
    `has_blocks`: whether the terminal has block characters; else the chart is made of ASCII.
    """
    most_columns = max(1, width - _label_width(values) - 2)
    together = -(-len(values) // most_columns)
    sums = [sum(values[start : start + together]) for start in range(0, len(values), together)]
    label_width = _label_width([*values, *sums])
    step = max(1, min(4, (width - label_width - 2) // len(sums)))
    bar_width = max(1, step - 1)
    largest = max(sums)
    lines = []
    for row in range(height, 0, -1):
        label = str(largest) if row == height else ""
        cells = [_cell(value, largest, row, height, has_blocks=has_blocks) * bar_width for value in sums]
        line = "".join(cell.ljust(step) for cell in cells)
        lines.append(f"{label:>{label_width}} {'│' if has_blocks else '|'}{line}".rstrip())
    axis = ("└" if has_blocks else "+") + ("─" if has_blocks else "-") * (len(sums) * step)
    return [*lines, f"{'0':>{label_width}} {axis}"]


def bar(value: int, largest: int, *, width: int, has_blocks: bool = True) -> str:
    """A bar for one value, `width` characters long for the largest. What isn't zero has one."""
    if not largest or not value:
        return ""
    eighths = max(1, round(value / largest * width * 8))
    if not has_blocks:
        return "#" * max(1, eighths // 8)
    return "█" * (eighths // 8) + _EIGHTHS_ACROSS[eighths % 8].strip()


def _cell(value: int, largest: int, row: int, height: int, *, has_blocks: bool) -> str:
    """What a column shows in a row, counted from 1 at the bottom. What isn't zero shows at least an eighth."""
    eighths = max(1, round(value / largest * height * 8)) if value else 0
    filled = min(8, max(0, eighths - (row - 1) * 8))
    if has_blocks:
        return _EIGHTHS[filled]
    return "#" if filled >= 4 or (row == 1 and filled) else " "


def _label_width(values: Sequence[int]) -> int:
    return len(str(max(values)))
