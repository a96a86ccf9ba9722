"""Reports as their owners ask for them, follow, fetch and delete them."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from main_service.accounts.account_guards import lock_account
from main_service.accounts.errors import AddressUnconfirmedError, LinkInvalidError
from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.collections import storage as collections
from main_service.engines.files import FileStore
from main_service.engines.object_store import ObjectMissingError
from main_service.engines.postgres import Session
from main_service.errors import BodyStoreUnavailableError, FieldError, InvalidInputError, NotFoundError
from main_service.reports import storage
from main_service.reports.errors import (
    ReportExpiredError,
    ReportUnfinishedError,
    TooManyReportsError,
    TooManyReportsWaitingError,
)
from main_service.reports.models import Report, ReportFormat
from main_service.statistics.time_ranges import check_date_range

MOST_NAME_LETTERS = 40
"""Of a collection, in the name of a file."""
MOST_WAITING = 3
MOST_REPORTS = 50
MOST_DAYS = 400
"""As the longest history by days."""


class ReportState(StrEnum):
    ASKED = "asked"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


def state_of(report: Report, now: datetime) -> ReportState:
    """As it is by the clock: the file is deleted up to an hour later."""
    if report.finished_at is None:
        return ReportState.ASKED if report.started_at is None else ReportState.BUILDING
    if report.failure is not None:
        return ReportState.FAILED
    assert report.expires_at is not None
    return ReportState.READY if now < report.expires_at else ReportState.EXPIRED


@dataclass(frozen=True)
class Order:
    """What is asked for. Days are of UTC, both included. `collection`: its id or name; None: of all entries."""

    first: date
    last: date
    format: ReportFormat
    collection: str | None = None


@dataclass(frozen=True)
class ReportFile:
    """A file on its way to whoever may have it."""

    name: str
    media_type: str
    size_bytes: int
    chunks: AsyncIterator[bytes]


class ReportService:
    """Somebody else's report is none: NotFoundError, as for an unknown id."""

    def __init__(self, *, session: Session, files: FileStore, links: SignedLinks) -> None:
        self._session = session
        self._files = files
        self._links = links

    async def ask(self, owner_id: UUID, order: Order) -> Report:
        """Write down that a report is to be built; begun within about 10 s while no other is being built.

        Days to come are left out: the last is at most today.

        Raises:
            AddressUnconfirmedError: reports go by mail, and the address is not confirmed.
            InvalidInputError: the range ends before it begins, begins in the future, or is longer than `MOST_DAYS`.
            NotFoundError: the owner has no such collection.
            TooManyReportsWaitingError, TooManyReportsError: the owner has `MOST_WAITING` or `MOST_REPORTS`.
            TokenInvalidError: the account has just been closed.
        """
        first, last = _days(order.first, order.last)
        # Two at once are counted one after the other.
        account = await lock_account(self._session, owner_id)
        if not account.is_verified:
            raise AddressUnconfirmedError("Confirm your email before you create reports.")
        waiting, kept = await storage.count_owned(self._session, owner_id)
        if waiting >= MOST_WAITING:
            raise TooManyReportsWaitingError
        if kept >= MOST_REPORTS:
            raise TooManyReportsError
        collection_id, name = await self._find_collection(owner_id, order.collection)
        report = Report(
            id=uuid4(),
            owner_id=owner_id,
            format=order.format,
            collection_id=collection_id,
            collection_name=name,
            first_day=first,
            last_day=last,
        )
        await storage.create(self._session, report)
        return report

    async def list(self, owner_id: UUID) -> Sequence[Report]:
        """Newest first; those that expired 30 days ago are forgotten."""
        return await storage.list_owned(self._session, owner_id)

    async def get(self, owner_id: UUID, report_id: UUID) -> Report:
        """Raises:
        NotFoundError: the owner has no such report.
        """
        report = await storage.find_owned(self._session, owner_id, report_id)
        if report is None:
            raise NotFoundError
        return report

    async def delete(self, owner_id: UUID, report_id: UUID) -> None:
        """Its file follows at once, or with the next clean-up. One that is being built is given up.

        Raises:
            NotFoundError: the owner has no such report.
        """
        if not await storage.give_up(self._session, owner_id, report_id):
            raise NotFoundError

        async def delete_file() -> None:
            try:
                await self._files.delete([report_id])
            except BodyStoreUnavailableError:
                # The clean-up deletes it.
                return

        self._session.after_commit(delete_file)

    async def open_file(self, owner_id: UUID, report_id: UUID) -> ReportFile:
        """Raises:
        NotFoundError: the owner has no such report.
        ReportUnfinishedError, ReportExpiredError: it has no file yet, or no more.
        BodyStoreUnavailableError: the store does not answer.
        """
        return await self._open(await self.get(owner_id, report_id))

    async def open_file_by_link(self, report_id: UUID, token: str) -> ReportFile:
        """The file, for whoever has the link of the letter, as long as its owner could sign in.

        Raises:
            LinkInvalidError: the link is forged, over, or of another report.
            As `open_file`.
        """
        if self._links.read(token) != [str(report_id)]:
            raise LinkInvalidError
        self._links.check(Purpose.REPORT, token)
        report = await storage.find_of_open_account(self._session, report_id)
        if report is None:
            raise NotFoundError
        return await self._open(report)

    async def _open(self, report: Report) -> ReportFile:
        state = state_of(report, datetime.now(UTC))
        if state is ReportState.EXPIRED:
            raise ReportExpiredError
        if state is not ReportState.READY:
            raise ReportUnfinishedError
        report_id, name, media_type = report.id, file_name(report), media_type_of(report.format)
        # No connection is held while the object store is busy.
        await self._session.commit()
        try:
            size_bytes = await self._files.measure(report_id)
        except ObjectMissingError as error:
            raise ReportExpiredError from error
        return ReportFile(name, media_type, size_bytes, self._files.open(report_id, size_bytes=size_bytes))

    async def _find_collection(self, owner_id: UUID, collection: str | None) -> tuple[UUID | None, str | None]:
        if collection is None:
            return None, None
        found = await collections.find_by_id_or_name(self._session, owner_id, collection)
        if found is None:
            raise NotFoundError("You have no such collection.")
        return found


def file_name(report: Report) -> str:
    """Of letters, digits and hyphens alone, so that no mail program or system reads it as something else."""
    ending = "xlsx" if report.format is ReportFormat.XLSX else "zip"
    about = "" if report.collection_name is None else f"{_file_name_part(report.collection_name, report.id)}-"
    return f"slipbin-{about}{report.first_day}-to-{report.last_day}.{ending}"


def _file_name_part(name: str, report_id: UUID) -> str:
    """What names a collection in a file's name; with some of the report's id where another name would look the same."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    part = "-".join(words)[:MOST_NAME_LETTERS]
    if " ".join(words) == name.lower() and len(part) < MOST_NAME_LETTERS:
        return part
    return f"{part}-{report_id.hex[:8]}".lstrip("-")


def media_type_of(file_format: ReportFormat) -> str:
    return {
        ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ReportFormat.CSV: "application/zip",
    }[file_format]


def _days(first: date, last: date) -> tuple[date, date]:
    check_date_range(first, last)
    today = datetime.now(UTC).date()
    last = min(last, today)
    if first > today:
        raise InvalidInputError(fields=[FieldError("from", "range_in_future", "The range begins in the future.")])
    if (last - first).days >= MOST_DAYS:
        message = f"A report spans at most {MOST_DAYS} days. Choose fewer."
        raise InvalidInputError(fields=[FieldError("from", "range_too_long", message)])
    return first, last
