"""Single visits, one by one, as the APIs of other services list them: as long as they are kept, a bounded number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from main_service.engines.postgres import Session
from main_service.visits.models import visit

MAX_VISITS = 10_000
"""The most visits that are listed, the latest ones: a page far behind reads all that are before it."""


SORTED_AT_ONCE = 50_000
"""With more visits than this, those that can't be on the page are left out before sorting."""
FEW_MORE = 4
_MAX_STEPS = 20
_LONGEST = timedelta(days=100 * 365)
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SingleVisit:
    """A visit as it is kept. None: not known."""

    key: str
    visited_at: datetime
    country: str | None
    """ISO 3166-1, two letters."""
    browser: str | None
    system: str | None
    referrer: str | None
    is_bot: bool


@dataclass(frozen=True)
class VisitPage:
    visits: list[SingleVisit]
    total: int
    """How many visits match, at most `MAX_VISITS`."""


class SingleVisits:
    """Lists the visits to entries that the caller knows the client may see the statistics of."""

    def __init__(self, *, session: Session) -> None:
        self._session = session

    async def list_page(
        self,
        keys: Sequence[str],
        *,
        first_at: datetime | None = None,
        last_at: datetime | None = None,
        with_bots: bool = True,
        offset: int,
        limit: int,
    ) -> VisitPage:
        """At most `limit` visits behind the first `offset`, the latest first. None: that end of time is open."""
        conditions: list[ColumnElement[bool]] = [visit.c.key.in_(keys)]
        if first_at is not None:
            conditions.append(visit.c.visited_at >= first_at)
        if last_at is not None:
            conditions.append(visit.c.visited_at <= last_at)
        if not with_bots:
            conditions.append(visit.c.is_bot.is_(False))
        found = await self._count(conditions, most=SORTED_AT_ONCE)
        size = max(min(limit, MAX_VISITS - offset), 0)
        if found == SORTED_AT_ONCE and size:
            begins_at = await self._beginning_of(offset + size, conditions, until=last_at or datetime.now(UTC))
            conditions.append(visit.c.visited_at >= begins_at)
        columns = ("key", "visited_at", "country", "browser", "os", "referrer", "is_bot")
        statement = (
            select(*(visit.c[name] for name in columns))
            .where(*conditions)
            .order_by(visit.c.visited_at.desc(), visit.c.key)
            .offset(offset)
            .limit(size)
        )
        visits = [SingleVisit(*row) for row in await self._session.execute(statement)]
        return VisitPage(visits, min(found, MAX_VISITS))

    async def _beginning_of(
        self, number: int, conditions: Sequence[ColumnElement[bool]], *, until: datetime
    ) -> datetime:
        """An instant behind which there are at least so many visits and, unless many came at once, few more.

        Else all that there ever were would be sorted for the latest ones. In all there must be as many.
        """
        many = FEW_MORE * number
        too_short, age = timedelta(0), timedelta(hours=1)
        for _ in range(_MAX_STEPS):
            begins_at = until - age
            found = await self._count([*conditions, visit.c.visited_at >= begins_at], most=many)
            if found < number:
                if age > _LONGEST:
                    return _BEFORE_ALL
                too_short, age = age, 4 * age
            elif found < many:
                return begins_at
            else:
                # From here on it is halved, and never grows as much again.
                return await self._narrowed(number, conditions, until=until, too_short=too_short, long=age)
        return _BEFORE_ALL

    async def _narrowed(
        self,
        number: int,
        conditions: Sequence[ColumnElement[bool]],
        *,
        until: datetime,
        too_short: timedelta,
        long: timedelta,
    ) -> datetime:
        for _ in range(_MAX_STEPS):
            age = (too_short + long) / 2
            found = await self._count([*conditions, visit.c.visited_at >= until - age], most=FEW_MORE * number)
            if found < number:
                too_short = age
            else:
                long = age
                if found < FEW_MORE * number:
                    break
        return until - long

    async def _count(self, conditions: Sequence[ColumnElement[bool]], *, most: int) -> int:
        """How many visits there are, at most `most`, of which no more are read."""
        found = select(visit.c.key).where(*conditions).limit(most).subquery()
        count: int = (await self._session.execute(select(func.count()).select_from(found))).scalar_one()
        return count
