"""The page of a run: sections with their figures, and which goals were reached, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A line of the table of what is to be reached. Nothing but the figure decides."""

    work: str
    figure: float
    bound: float
    is_most: bool = False
    """Whether the bound is the highest figure that will do, and not the lowest."""
    form: str
    """How figure and bound are written, with `{}` for the number and its format, such as `{:.2f} × nginx`."""
    note: str = ""
    is_valid: bool = True

    @property
    def verdict(self) -> str:
        if not self.is_valid:
            return "**invalid**"
        is_reached = self.figure <= self.bound if self.is_most else self.figure >= self.bound
        return "reached" if is_reached else "**missed**"

    def cells(self) -> list[str]:
        bound = f"{'≤' if self.is_most else '≥'} {self.form.format(self.bound)}{self.note}"
        return [self.work, self.form.format(self.figure), bound, self.verdict]


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    lines: Sequence[str]
    """Markdown."""
    goals: Sequence[Goal] = ()
    invalid: Sequence[str] = ()
    """Sentences that say why some of its figures mean nothing."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of Markdown: the first column to the left, the others to the right."""
    return [_row(header), _row(["---", *("--:" for _ in header[1:])]), *map(_row, rows)]


def reach(sections: Sequence[Section]) -> list[str]:
    """Lines of Markdown: all goals, and whether they were reached."""
    goals = [goal for section in sections for goal in section.goals]
    return table(["work", "measured", "reach", "verdict"], [goal.cells() for goal in goals])


def page(introduction: str, about: Sequence[str], sections: Sequence[Section]) -> str:
    """`about`: what the run was made on and with, one fact each."""
    lines = [introduction.strip(), "", "## This run", "", *(f"* {fact}" for fact in about)]
    lines += ["", "## Reach", "", *reach(sections)]
    for section in sections:
        lines += ["", f"## {section.title}", "", *section.lines]
        lines += [line for sentence in section.invalid for line in ("", f"**INVALID:** {sentence}")]
    return "\n".join(lines) + "\n"


def counts_text(counts: Mapping[str, int]) -> str:
    """Counts in words, such as `3 timeouts, 1 read errors`."""
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
