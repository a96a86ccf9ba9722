"""The query of the statistics page: period, time zone and filters; and links to the page with other queries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from main_service.errors import FieldError, InvalidInputError
from main_service.statistics.filters import read_filters
from main_service.statistics.periods import USUAL, Preset
from main_service.statistics.time_ranges import get_zone
from main_service.visits.models import Dimension

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LONGEST_SHOWN = 64
"""Characters of what was typed that a form shows again."""


@dataclass
class PageQuery:
    """A query, as far as it could be read; `errors` says what could not, by its field."""

    address: str
    """The path of the page."""
    preset: Preset
    zone: ZoneInfo
    filters: dict[Dimension, str]
    typed: dict[str, str]
    """`tz`, `from` and `to` as they came."""
    first: date | None = None
    last: date | None = None
    errors: dict[str, str] = field(default_factory=dict)

    def refuse(self, error: InvalidInputError) -> None:
        for each in error.fields:
            self.errors.setdefault(each.field, each.message)

    def fields(self, *, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """What a form must send along, or a link carry, to keep all else as it is."""
        asked = {"period": self.preset.value}
        if self.preset is Preset.CUSTOM:
            asked |= {name: self.typed[name] for name in ("from", "to")}
        # Even UTC, so that the script doesn't replace a chosen UTC by the browser's time zone.
        if "tz" not in self.errors:
            asked["tz"] = self.typed["tz"]
        asked |= {dimension.value: value for dimension, value in self.filters.items()}
        return [(name, value) for name, value in asked.items() if value and name not in without]

    def period_link(self, preset: Preset) -> str:
        return self._link([("period", preset.value), *self.fields(without=("period", "from", "to"))])

    def filter_link(self, dimension: Dimension, value: str) -> str:
        return self._link([*self.fields(without=(dimension.value,)), (dimension.value, value)])

    def unfiltered_link(self, dimension: Dimension) -> str:
        return self._link(self.fields(without=(dimension.value,)))

    def _link(self, fields: list[tuple[str, str]]) -> str:
        return f"{self.address}?{urlencode(fields)}"


def read_page_query(query: Mapping[str, str], *, address: str) -> PageQuery:
    """Read a query. An unknown period is the default one, an unknown time zone is UTC."""
    period = query.get("period", "")
    typed = {name: query.get(name, "").strip()[:_LONGEST_SHOWN] for name in ("tz", "from", "to")}
    read = PageQuery(
        address=address,
        preset=Preset(period) if period in set(Preset) else USUAL,
        zone=get_zone("UTC"),
        filters=read_filters(query),
        typed=typed,
    )
    try:
        read.zone = get_zone(typed["tz"] or "UTC")
    except InvalidInputError as error:
        read.errors["tz"] = error.fields[0].message
    if read.preset is Preset.CUSTOM:
        try:
            read.first, read.last = _day("from", typed["from"]), _day("to", typed["to"])
        except InvalidInputError as error:
            read.refuse(error)
    return read


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidInputError(fields=[FieldError(name, "day_invalid", "Give a day, such as 2030-01-31.")])
