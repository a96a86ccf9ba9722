"""What a portion of visits adds to the tables."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from main_service.visits.batches import RecordedVisit
from main_service.visits.countries import Countries
from main_service.visits.enrich import NOTHING_KEPT, Agent, Target, read_agent, read_ip, read_language, read_referrer
from main_service.visits.models import UNKNOWN, Dimension

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_MS = 3_600_000
_DAY_HOURS = 24


class Visited(NamedTuple):
    """What is kept of an entry with each visit to it."""

    owner_id: UUID | None
    target: Target


class Counts(NamedTuple):
    people: int
    bots: int


VisitRow = tuple[
    datetime, str, UUID | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None,
    str | None, str | None, str | None, bool,
]  # fmt: skip
"""In the order of the columns of `visit`."""


@dataclass
class Tally:
    rows: list[VisitRow] = field(default_factory=list)
    hours: dict[tuple[str, datetime], Counts] = field(default_factory=dict)
    """By key and hour."""
    values: dict[tuple[str, date, str, str], int] = field(default_factory=dict)
    """Visits of people by key, day, dimension and value."""
    visitors: dict[tuple[str, date], set[str]] = field(default_factory=dict)
    """People by key and day."""
    entries: dict[str, Counts] = field(default_factory=dict)
    last_visits: dict[str, datetime] = field(default_factory=dict)
    """Of people, by key."""
    dropped: int = 0
    """Visits to keys that have no row."""


class _Hour:
    """People, by what is counted of them, and bots that visited an entry in one hour."""

    __slots__ = ("agents", "bots", "countries", "languages", "referrer_domains")

    def __init__(self) -> None:
        self.bots = 0
        self.agents: list[Agent] = []
        self.countries: list[str | None] = []
        self.languages: list[str | None] = []
        self.referrer_domains: list[str | None] = []

    def values(self) -> Iterator[tuple[str, str | None, int]]:
        """Dimension, value and visits of people; a value can come more than once."""
        for agent, count in Counter(self.agents).items():
            yield Dimension.DEVICE, agent.device_type, count
            yield Dimension.BROWSER, agent.browser, count
            yield Dimension.OS, agent.os, count
        for dimension, values in (
            (Dimension.COUNTRY, self.countries),
            (Dimension.LANGUAGE, self.languages),
            (Dimension.REFERRER, self.referrer_domains),
        ):
            for value, count in Counter(values).items():
                yield dimension, value, count


def take_count(visits: Iterable[RecordedVisit], entries: Mapping[str, Visited], countries: Countries) -> Tally:
    """Rows and figures of `visits`; days and hours are those of UTC."""
    tally = Tally()
    hours: dict[tuple[str, int], _Hour] = defaultdict(_Hour)
    visitors: dict[tuple[str, int], set[str]] = defaultdict(set)
    last_ms: dict[str, int] = defaultdict(int)
    rows = tally.rows
    for at_ms, key, recorded_ip, visitor, user_agent, sent_referrer, sent_language in visits:
        entry = entries.get(key)
        if entry is None:
            tally.dropped += 1
            continue
        agent = NOTHING_KEPT if visitor is None and not user_agent else read_agent(user_agent)
        ip = None if recorded_ip is None else read_ip(recorded_ip)
        country = None if ip is None else countries.find(ip)
        language = read_language(sent_language)
        referrer = read_referrer(sent_referrer)
        hour_number = at_ms // _HOUR_MS
        hour = hours[key, hour_number]
        if agent.is_bot:
            hour.bots += 1
        else:
            hour.agents.append(agent)
            hour.countries.append(country)
            hour.languages.append(language)
            hour.referrer_domains.append(referrer.domain)
            if visitor is not None:
                visitors[key, hour_number // _DAY_HOURS].add(visitor)
            if at_ms > last_ms[key]:
                last_ms[key] = at_ms
        rows.append(
            (
                _EPOCH + timedelta(milliseconds=at_ms), key, entry.owner_id, ip, country, agent.device_type,
                agent.browser, agent.os, language, referrer.url, referrer.domain, entry.target.domain_1st,
                entry.target.domain_2nd, agent.is_bot,
            )
        )  # fmt: skip
    _add_up(tally, hours)
    tally.visitors = {(key, _date(day)): them for (key, day), them in visitors.items()}
    tally.last_visits = {key: _EPOCH + timedelta(milliseconds=at_ms) for key, at_ms in last_ms.items()}
    return tally


def _add_up(tally: Tally, hours: Mapping[tuple[str, int], _Hour]) -> None:
    values: dict[tuple[str, date, str, str], int] = defaultdict(int)
    for (key, number), hour in hours.items():
        counts = Counts(len(hour.agents), hour.bots)
        tally.hours[key, _EPOCH + timedelta(hours=number)] = counts
        before = tally.entries.get(key, Counts(0, 0))
        tally.entries[key] = Counts(before.people + counts.people, before.bots + counts.bots)
        day = _date(number // _DAY_HOURS)
        for dimension, value, count in hour.values():
            values[key, day, dimension, value or UNKNOWN] += count
    tally.values = values


def _date(days: int) -> date:
    return (_EPOCH + timedelta(days=days)).date()
