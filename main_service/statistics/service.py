"""Statistics of an entry, for clients that may see them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from main_service.engines.postgres import Session
from main_service.entries import storage as entry_storage
from main_service.entries.errors import ManageTokenWrongError, NotOwnerError
from main_service.entries.models import ArchivalReason, Entry, Kind, Visibility
from main_service.entries.permissions import Actor, EntryPolicy
from main_service.entries.read import KeyLookup
from main_service.errors import EntryEndedError, NotFoundError, SignInRequiredError
from main_service.statistics import storage
from main_service.statistics.storage import OwnTotals, RangeCounts, ValueCount
from main_service.statistics.time_ranges import FIRST_DAY, DateRange, Step, check_date_range, get_zone, history_buckets
from main_service.visits import imported_figures
from main_service.visits.imported_figures import ImportedMonth
from main_service.visits.models import Dimension


@dataclass(frozen=True)
class CountedEntry:
    """An entry, live or ended, as far as a client that may see its statistics is shown it."""

    key: str
    kind: Kind
    title: str | None
    original_url: str | None
    """None also if views are limited and the client does not manage the entry."""
    visibility: Visibility
    created_at: datetime
    visit_count: int
    """Visits of people in its whole life."""
    imported_visit_count: int
    """Visits that were counted elsewhere before it was imported; in no other figure."""
    imported_bot_count: int
    """Visits of crawlers that were."""
    last_visit_at: datetime | None
    is_shown_to_all: bool
    has_ended: bool
    is_managed: bool
    """Whether the client manages it."""

    @property
    def has_imported_visits(self) -> bool:
        return self.imported_visit_count + self.imported_bot_count > 0


@dataclass(frozen=True)
class Summary:
    """The figures of an entry in a range of days."""

    entry: CountedEntry
    counts: RangeCounts
    imported: list[ImportedMonth]
    """Those of all time before it was imported, as far as they are known."""
    values: dict[Dimension, list[ValueCount]]


@dataclass(frozen=True)
class Bucket:
    """Visits in an hour, a day or a month. `start_at`: in the time zone that was asked for."""

    start_at: datetime
    people: int
    bots: int


@dataclass(frozen=True)
class History:
    """The visits to an entry by buckets, which cover the days without a gap."""

    entry: CountedEntry
    days: DateRange
    buckets: list[Bucket]


class StatisticsService:
    """Opens an entry for a client, and then answers what it asks about its visits."""

    def __init__(self, *, session: Session, entry_policy: EntryPolicy, lookup: KeyLookup) -> None:
        self._session = session
        self._lookup = lookup
        self._entry_policy = entry_policy

    async def summarise(self, entry: CountedEntry, *, first: date | None = None, last: date | None = None) -> Summary:
        """The figures of an opened entry from the first to the last day of UTC; None: that end is open.

        Raises:
            InvalidInputError: the range ends before it begins.
        """
        check_date_range(first, last)
        days = DateRange(first or FIRST_DAY, last or datetime.now(UTC).date())
        counts = await storage.count(self._session, entry.key, days)
        imported = await self.list_imported(entry)
        return Summary(entry, counts, imported, await storage.list_values(self._session, entry.key, days))

    async def list_history(
        self, entry: CountedEntry, *, step: Step, timezone: str, first: date | None = None, last: date | None = None
    ) -> History:
        """The visits of an opened entry by buckets of the size `step`, with the buckets that have none.

        Raises:
            InvalidInputError: the range is too long or ends before it begins, or there is no such time zone.
        """
        zone = get_zone(timezone)
        days, buckets = history_buckets(step, first=first, last=last, zone=zone, now=datetime.now(UTC))
        found = await storage.count_by_bucket(self._session, entry.key, buckets)
        return History(
            entry,
            days,
            [Bucket(start.astimezone(zone), *found.get(index, (0, 0))) for index, start in enumerate(buckets.starts)],
        )

    async def list_imported(self, entry: CountedEntry) -> list[ImportedMonth]:
        """The months in which an opened entry had visits before it was imported, as far as they are known."""
        return await imported_figures.list_months(self._session, entry.key) if entry.has_imported_visits else []

    async def get_own_totals(self, owner_id: UUID) -> OwnTotals:
        """The sums of all entries of an account."""
        return await storage.total_own(self._session, owner_id)

    async def open(self, key: str, actor: Actor) -> CountedEntry:
        """The entry, if the actor may see its statistics. The other methods take it.

        Raises:
            NotFoundError, TooManyUnknownKeysError: the actor can't see that there is such an entry.
            EntryEndedError: it has ended, and the actor does not manage it, or its figures were deleted.
            SignInRequiredError, NotOwnerError, ManageTokenMissingError, ManageTokenWrongError: the actor may not see
                its statistics.
        """
        row = await self._lookup.look_up(key, lambda key: self._find(key, actor))
        if (reason := _end_of(row)) is None:
            is_manager = self._entry_policy.may_manage(row, actor)
            if not is_manager and not row.has_public_statistics:
                self._entry_policy.require_may_manage(row, actor)
        elif self._is_manager(row, actor) and not _is_emptied(row):
            is_manager = True
        else:
            raise EntryEndedError(reason)
        return CountedEntry(
            key=row.key,
            kind=row.kind,
            title=row.title if is_manager or row.views_left is None else None,
            original_url=row.original_url if is_manager or row.views_left is None else None,
            visibility=row.visibility,
            created_at=row.created_at,
            visit_count=row.visit_count,
            imported_visit_count=row.imported_visit_count,
            imported_bot_count=row.imported_bot_count,
            # A release that may still run beside this one notes any use of an entry there.
            last_visit_at=row.last_visit_at if row.visit_count else None,
            is_shown_to_all=row.has_public_statistics,
            has_ended=reason is not None,
            is_managed=is_manager,
        )

    async def _find(self, key: str, actor: Actor) -> Entry:
        row = await entry_storage.find(self._session, key)
        if row is None or not actor.may_see(row):
            raise NotFoundError
        return row

    def _is_manager(self, row: Entry, actor: Actor) -> bool:
        """Whether the actor manages an ended entry: with a wrong manage token they only learn that it has ended."""
        try:
            return self._entry_policy.may_manage(row, actor)
        except (ManageTokenWrongError, NotOwnerError, SignInRequiredError):
            return False


def _end_of(row: Entry) -> ArchivalReason | None:
    if row.archival_reason is not None:
        return row.archival_reason
    is_over = row.expires_at is not None and row.expires_at <= datetime.now(UTC)
    return ArchivalReason.EXPIRED if is_over else None


def _is_emptied(row: Entry) -> bool:
    """Whether nothing is left of an ended entry but its key, kind, reason and times."""
    return row.original_url is None and row.body_id is None
