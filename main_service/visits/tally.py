"""What a portion of visits adds to the tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from main_service.visits.batches import RecordedVisit
from main_service.visits.countries import Countries
from main_service.visits.enrich import NOT_KEPT, Target, read_agent, read_ip, read_language, read_referrer
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


class _Profile(NamedTuple):
    """What is counted of a visit of a person, in the order of the dimensions."""

    country: str | None
    device_type: str | None
    browser: str | None
    os: str | None
    language: str | None
    referrer_domain: str | None


_DIMENSIONS = (
    Dimension.COUNTRY, Dimension.DEVICE, Dimension.BROWSER, Dimension.OS, Dimension.LANGUAGE, Dimension.REFERRER,
)  # fmt: skip


def take_count(visits: Iterable[RecordedVisit], entries: Mapping[str, Visited], countries: Countries) -> Tally:
    """Rows and figures of `visits`; days and hours are those of UTC."""
    tally = Tally()
    people: dict[tuple[str, int], int] = defaultdict(int)
    bots: dict[tuple[str, int], int] = defaultdict(int)
    profiles: dict[tuple[str, int, _Profile], int] = defaultdict(int)
    visitors: dict[tuple[str, int], set[str]] = defaultdict(set)
    last_ms: dict[str, int] = {}
    rows = tally.rows
    for at_ms, key, recorded_ip, visitor, user_agent, sent_referrer, sent_language in visits:
        entry = entries.get(key)
        if entry is None:
            tally.dropped += 1
            continue
        agent = NOT_KEPT if visitor is None and not user_agent else read_agent(user_agent)
        ip = None if recorded_ip is None else read_ip(recorded_ip)
        country = None if ip is None else countries.find(ip)
        language = read_language(sent_language)
        referrer = read_referrer(sent_referrer)
        hour = at_ms // _HOUR_MS
        if agent.is_bot:
            bots[key, hour] += 1
        else:
            people[key, hour] += 1
            profile = _Profile(country, agent.device_type, agent.browser, agent.os, language, referrer.domain)
            profiles[key, hour // _DAY_HOURS, profile] += 1
            if visitor is not None:
                visitors[key, hour // _DAY_HOURS].add(visitor)
            if at_ms > last_ms.get(key, -1):
                last_ms[key] = at_ms
        rows.append(
            (
                _EPOCH + timedelta(milliseconds=at_ms), key, entry.owner_id, ip, country, agent.device_type,
                agent.browser, agent.os, language, referrer.url, referrer.domain, entry.target.domain_1st,
                entry.target.domain_2nd, agent.is_bot,
            )
        )  # fmt: skip
    for key, hour in people.keys() | bots.keys():
        tally.hours[key, _EPOCH + timedelta(hours=hour)] = Counts(people.get((key, hour), 0), bots.get((key, hour), 0))
    for (key, _), counts in tally.hours.items():
        before = tally.entries.get(key, Counts(0, 0))
        tally.entries[key] = Counts(before.people + counts.people, before.bots + counts.bots)
    tally.values = _by_value(profiles)
    tally.visitors = {(key, _date(day)): them for (key, day), them in visitors.items()}
    tally.last_visits = {key: _EPOCH + timedelta(milliseconds=at_ms) for key, at_ms in last_ms.items()}
    return tally


def _by_value(profiles: Mapping[tuple[str, int, _Profile], int]) -> dict[tuple[str, date, str, str], int]:
    values: dict[tuple[str, date, str, str], int] = defaultdict(int)
    for (key, day_number, profile), count in profiles.items():
        day = _date(day_number)
        for dimension, value in zip(_DIMENSIONS, profile, strict=True):
            values[key, day, dimension, value or UNKNOWN] += count
    return values


def _date(days: int) -> date:
    return (_EPOCH + timedelta(days=days)).date()
