"""Aggregates a portion of visits: the rows, sums and visitors that it adds to the tables."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from main_service.visit_stream.record import RecordedVisit
from main_service.visits import copy_rows
from main_service.visits.countries import Countries
from main_service.visits.enrich import (
    NOTHING_KEPT,
    REMEMBERED,
    Agent,
    Target,
    read_agent,
    read_ip,
    read_language,
    read_referrer,
)
from main_service.visits.models import UNKNOWN, Dimension

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_MS = 3_600_000
_DAY_HOURS = 24
_ANONYMOUS = ""
"""The visitor of a visit of which nothing may be kept."""


class VisitedEntry(NamedTuple):
    """What each visit to an entry keeps of the entry."""

    owner_id: UUID | None
    target: Target
    """The host that the link leads to now."""
    earlier: tuple[tuple[int, Target], ...] = ()
    """If the target changed since the first of these visits: each target that one of them led to, with the instant from
    which it held, in milliseconds since 1970, earliest first."""


class VisitCounts(NamedTuple):
    people: int
    bots: int


DayValueCount = tuple[str, date, str, str, int]
"""Key of the entry, day, dimension, value, and how many visits of people had it."""


@dataclass
class Aggregate:
    """What a portion adds to the tables, in the order of keys. Days and hours are those of UTC."""

    hours: dict[tuple[str, datetime], VisitCounts] = field(default_factory=dict)
    """The counts by key of the entry and start of the hour."""
    values: list[DayValueCount] = field(default_factory=list)
    visitors: dict[tuple[str, date], set[str]] = field(default_factory=dict)
    """The different visitors who are people, by key of the entry and day."""
    entries: dict[str, VisitCounts] = field(default_factory=dict)
    last_visits: dict[str, datetime] = field(default_factory=dict)
    """The time of the last visit of a person, by key of the entry."""
    dropped: int = 0
    """Visits to keys that have no row."""


_Person = tuple[str, str, str, str, str, str, str, int]
"""The values of `_DIMENSIONS`, the visitor, and `at_ms`."""
_AgentFields = tuple[bool, str, str, str, bytes, bytes]
"""Whether it is a bot; browser, device and system to count; the fields of a row."""
_DIMENSIONS = (
    Dimension.BROWSER,
    Dimension.COUNTRY,
    Dimension.DEVICE,
    Dimension.LANGUAGE,
    Dimension.OS,
    Dimension.REFERRER,
)
"""The dimensions in alphabetical order, in which their values are written and locked."""


class _Hour:
    """The visits to one entry in one hour."""

    __slots__ = ("bots", "people")

    def __init__(self) -> None:
        self.bots = 0
        self.people: list[_Person] = []


class _EntryVisits:
    """The visits to one entry by the number of their hour since 1970, and the fields that their rows share."""

    __slots__ = ("_earlier", "first_fields", "has_changed", "hours", "last_fields")

    def __init__(self, key: str, visited: VisitedEntry) -> None:
        self.first_fields = copy_rows.texts(key) + copy_rows.uuid(visited.owner_id)
        self.last_fields = copy_rows.texts(*visited.target)
        self.has_changed = bool(visited.earlier)
        self._earlier = [(from_ms, copy_rows.texts(*target)) for from_ms, target in visited.earlier]
        self.hours: dict[int, _Hour] = defaultdict(_Hour)

    def last_fields_at(self, at_ms: int) -> bytes:
        """The fields of the target that held at `at_ms`; of the first known target if that was before it."""
        later = bisect_right(self._earlier, at_ms, key=itemgetter(0))
        return self._earlier[max(0, later - 1)][1]


_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


class _Memo(dict[_Input, _Output], Generic[_Input, _Output]):
    """Calls a function once for each input. Faster than `lru_cache`, as it never evicts; a portion bounds its size."""

    def __init__(self, function: Callable[[_Input], _Output]) -> None:
        self._function = function

    def __missing__(self, value: _Input) -> _Output:
        output = self[value] = self._function(value)
        return output


class Aggregator:
    """Aggregates one portion. Rows are made while PostgreSQL stores those before; `result` is right after the last."""

    def __init__(self, entries: Mapping[str, VisitedEntry], countries: Countries) -> None:
        self._entries = {key: _EntryVisits(key, visited) for key, visited in entries.items()}
        self._countries = countries
        self._dropped = 0

    def rows(self, visits: Iterable[RecordedVisit]) -> Iterator[bytes]:
        """Rows of `visit` for COPY, each aggregated when it is taken. Visits to keys without a row are left out."""
        agents: _Memo[str, _AgentFields] = _Memo(lambda user_agent: _agent(read_agent(user_agent)))
        nothing_kept = _agent(NOTHING_KEPT)
        places: _Memo[str | None, tuple[str, bytes]] = _Memo(lambda ip: _place(ip, self._countries))
        languages, referrers = _Memo(_language), _Memo(_referrer)
        entries, row = self._entries, copy_rows.row
        for at_ms, key, ip, visitor, user_agent, sent_referrer, sent_language in visits:
            entry = entries.get(key)
            if entry is None:
                self._dropped += 1
                continue
            no_agent = visitor is None and not user_agent
            is_bot, browser, device, os, agent_fields, is_bot_field = nothing_kept if no_agent else agents[user_agent]
            country, place_fields = places[ip]
            language, language_fields = languages[sent_language]
            referrer, referrer_fields = referrers[sent_referrer]
            hour = entry.hours[at_ms // _HOUR_MS]
            if is_bot:
                hour.bots += 1
            else:
                hour.people.append((browser, country, device, language, os, referrer, visitor or _ANONYMOUS, at_ms))
            last_fields = entry.last_fields_at(at_ms) if entry.has_changed else entry.last_fields
            yield row(
                at_ms, entry.first_fields, place_fields, agent_fields, language_fields, referrer_fields,
                last_fields, is_bot_field,
            )  # fmt: skip

    def result(self) -> Aggregate:
        """The aggregate of all rows that were taken."""
        aggregate = Aggregate(dropped=self._dropped)
        for key in sorted(self._entries):
            _aggregate_entry(aggregate, key, self._entries[key].hours)
        return aggregate


def _agent(agent: Agent) -> _AgentFields:
    fields = copy_rows.texts(agent.device_type, agent.browser, agent.os)
    names = (agent.browser or UNKNOWN, agent.device_type or UNKNOWN, agent.os or UNKNOWN)
    return (agent.is_bot, *names, fields, copy_rows.boolean(agent.is_bot))


def _place(ip: str | None, countries: Countries) -> tuple[str, bytes]:
    address, field = _address(ip)
    country = None if address is None else countries.find(address)
    return country or UNKNOWN, field + copy_rows.texts(country)


@lru_cache(REMEMBERED)
def _address(ip: str | None) -> tuple[str | None, bytes]:
    address = None if ip is None else read_ip(ip)
    return address, copy_rows.inet(address)


def _language(sent: str) -> tuple[str, bytes]:
    language = read_language(sent)
    return language or UNKNOWN, copy_rows.texts(language)


def _referrer(sent: str) -> tuple[str, bytes]:
    referrer = read_referrer(sent)
    return referrer.domain or UNKNOWN, copy_rows.texts(referrer.url, referrer.domain)


def _aggregate_entry(aggregate: Aggregate, key: str, hours: Mapping[int, _Hour]) -> None:
    all_people, all_bots, last_ms = 0, 0, -1
    days: dict[int, list[_Person]] = defaultdict(list)
    for number in sorted(hours):
        hour = hours[number]
        counts = aggregate.hours[key, _EPOCH + timedelta(hours=number)] = VisitCounts(len(hour.people), hour.bots)
        all_people += counts.people
        all_bots += counts.bots
        if hour.people:
            days[number // _DAY_HOURS] += hour.people
    for number, people in days.items():
        day = _date(number)
        *columns, visitors, instants = zip(*people, strict=True)
        for dimension, values in zip(_DIMENSIONS, columns, strict=True):
            aggregate.values += [
                (key, day, dimension, value, count) for value, count in sorted(Counter(values).items())
            ]
        if different := set(visitors) - {_ANONYMOUS}:
            aggregate.visitors[key, day] = different
        last_ms = max(last_ms, *instants)
    if hours:
        aggregate.entries[key] = VisitCounts(all_people, all_bots)
    if all_people:
        aggregate.last_visits[key] = _EPOCH + timedelta(milliseconds=last_ms)


def _date(days: int) -> date:
    return (_EPOCH + timedelta(days=days)).date()
