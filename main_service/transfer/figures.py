"""Figures of our own export: read in the order of its entries, checked, bounded, and put together by month.

What they say isn't checked, and can't be: they are shown apart, as what an export told. What is checked is that they
can be stored and shown.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from main_service.transfer.errors import SourceUnreadableError
from main_service.visits.imported_figures import FiguresToImport

MAX_BYTES_OF_ENTRY = 16 * 1024 * 1024
"""The most figures of one entry, in bytes of text: ten years of a link that is visited from everywhere each day."""
_MAX_BYTES_OF_MONTH = 2 * 1024 * 1024
_LONGEST_LINE = 64 * 1024
_MAX_FAULTS = 10_000
"""The most lines of a member that can't be read. A few KB of zip could hold those of hours, while others wait."""
"""The longest line, in bytes. A day with 100 values of each kind takes at most half of it."""
_FIRST_DAY = date(1990, 1, 1)
_MAX_VISITS = 2**40
_MAX_VISITORS = 2**31 - 1
_MAX_KINDS = 20
_MAX_VALUES = 101
LEFT_OUT = "Some of its figures were left out: they can't be read, or are too many."

_Visits = Annotated[int, Field(strict=True, ge=0, le=_MAX_VISITS)]
_Hour = Annotated[str, StringConstraints(pattern=r"^(?:1?[0-9]|2[0-3])\z")]
_Kind = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}\z")]
_Value = Annotated[str, StringConstraints(min_length=1, max_length=253)]


class _Line(BaseModel):
    """A day of an entry. Of fields that a later version may have, nothing is kept."""

    model_config = ConfigDict(frozen=True)

    key: str
    day: date
    visitors: Annotated[int, Field(strict=True, ge=0, le=_MAX_VISITORS)] = 0
    hours: dict[_Hour, tuple[_Visits, _Visits]] = {}
    values: Annotated[dict[_Kind, dict[_Value, _Visits]], Field(max_length=_MAX_KINDS)] | None = None

    @property
    def is_showable(self) -> bool:
        """Whether it has visits, its day can have been, and its values can be printed and stored."""
        if not any(map(sum, self.hours.values())) or not _FIRST_DAY <= self.day <= datetime.now(UTC).date() + timedelta(
            days=1
        ):
            return False
        return all(
            len(by_value) <= _MAX_VALUES and all(map(str.isprintable, by_value))
            for by_value in (self.values or {}).values()
        )


class FiguresBudget:
    """How many bytes of figures may still be taken from a file, which may unpack to far more than its size."""

    def __init__(self, left_bytes: int) -> None:
        self._left_bytes = left_bytes

    def take(self, size_bytes: int) -> bool:
        """Whether there is room for so many; if so, they are taken."""
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True


class _Month:
    """The days of a month so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.size_bytes = 0
        self.first_day, self.last_day = date.max, date.min
        self.people = self.bots = self.visitors = 0

    def add(self, line: _Line, text: str) -> None:
        self.texts.append(text)
        self.size_bytes += len(text) + 1
        self.first_day, self.last_day = min(self.first_day, line.day), max(self.last_day, line.day)
        self.people += sum(people for people, _ in line.hours.values())
        self.bots += sum(bots for _, bots in line.hours.values())
        self.visitors += line.visitors


class EntryFigures:
    """The figures of one entry, put together by month. `is_cut`: whether some were left out."""

    def __init__(self, budget: FiguresBudget) -> None:
        self.is_cut = False
        self._budget = budget
        self._left_bytes = MAX_BYTES_OF_ENTRY
        self._months: dict[date, _Month] = {}

    def add(self, line: _Line) -> None:
        text = _text_of(line)
        month = self._months.setdefault(line.day.replace(day=1), _Month())
        has_room = month.size_bytes + len(text) < _MAX_BYTES_OF_MONTH and len(text) <= self._left_bytes
        if has_room and self._budget.take(len(text)):
            self._left_bytes -= len(text)
            month.add(line, text)
        else:
            self.is_cut = True

    def months(self) -> tuple[FiguresToImport, ...]:
        """The months with figures, the earliest first; in each, the days in the order in which they were added."""
        return tuple(
            FiguresToImport(
                month=first_day,
                first_day=month.first_day,
                last_day=month.last_day,
                people=month.people,
                bots=month.bots,
                visitors=month.visitors,
                days=f"[{','.join(month.texts)}]",
            )
            for first_day, month in sorted(self._months.items())
            if month.texts
        )


class FiguresReader:
    """Figures of a member of an export, taken entry by entry in the order of its entries."""

    def __init__(self, lines: Iterator[bytes], places: Mapping[str, int]) -> None:
        """`places`: where each entry stands among the others, by its key. `lines`: in the order of the entries."""
        self._lines = lines
        self._places = places
        self._next: _Line | None = None
        self._next_place = -1
        self._has_faults = False
        self._faults = 0

    def take(self, place: int, into: EntryFigures) -> None:
        """Add the days of the entry at a place, which is behind those of all calls before.

        Raises:
            SourceUnreadableError: too many lines can't be read.
        """
        while (line := self._line_of(place)) is not None:
            self._next = None
            into.add(line)
        # Whose line it was can't be known; most likely of the entry that has just been read.
        into.is_cut |= self._has_faults
        self._has_faults = False

    def _line_of(self, place: int) -> _Line | None:
        """The next line if it is of the entry at a place. Those of earlier entries, and of unknown ones, are passed."""
        while self._next is None or self._next_place < place:
            text = next(self._lines, None)
            if text is None:
                return None
            self._next = self._read(text)
            self._next_place = -1 if self._next is None else self._places.get(self._next.key, -1)
        return self._next if self._next_place == place else None

    def _read(self, text: bytes) -> _Line | None:
        if len(text) <= _LONGEST_LINE:
            try:
                line = _Line.model_validate_json(text)
            except ValidationError:
                line = None
            if line is not None and line.is_showable:
                return line
        self._has_faults = True
        self._faults += 1
        if self._faults > _MAX_FAULTS:
            raise SourceUnreadableError("Most of the figures in this zip can't be read.")
        return None


def _text_of(line: _Line) -> str:
    told: dict[str, Any] = {
        "day": line.day.isoformat(),
        "visitors": line.visitors,
        "hours": line.hours,
        "values": line.values,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
