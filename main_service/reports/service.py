"""Reports of a user: ordered, listed, downloaded and deleted. `builder` creates their files."""

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

MAX_NAME_CHARACTERS = 40
"""The most characters of a collection's name in the name of a file."""
MAX_WAITING = 3
"""The most unfinished reports of a user."""
MAX_REPORTS = 50
"""The most reports of a user that have not expired."""
MAX_DAYS = 400
"""The most days of a report, as of a history by days."""


class ReportState(StrEnum):
    WAITING = "asked"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


def state_of(report: Report, now: datetime) -> ReportState:
    """The state of a report at `now`. It is expired on time, though its file is deleted up to an hour later."""
    if report.finished_at is None:
        return ReportState.WAITING if report.started_at is None else ReportState.BUILDING
    if report.failure is not None:
        return ReportState.FAILED
    assert report.expires_at is not None
    return ReportState.READY if now < report.expires_at else ReportState.EXPIRED


@dataclass(frozen=True)
class ReportSpec:
    """What a report is to be about, and its file format."""

    first: date
    """The first day, in UTC."""
    last: date
    """The last day, in UTC, included."""
    format: ReportFormat
    collection: str | None = None
    """Id or name of a collection of the owner; None: the report is about all of the owner's entries."""


@dataclass(frozen=True)
class ReportFile:
    """The file of a report, opened for download."""

    name: str
    media_type: str
    size_bytes: int
    chunks: AsyncIterator[bytes]


class ReportService:
    """The reports of one user per call. Reports of other users raise NotFoundError, as unknown ids do."""

    def __init__(self, *, session: Session, files: FileStore, links: SignedLinks) -> None:
        self._session = session
        self._files = files
        self._links = links

    async def create(self, owner_id: UUID, spec: ReportSpec) -> Report:
        """Order a report. The worker starts to build it within about 10 s, unless it is building another one.

        Future days are left out: the last day is at most today.

        Raises:
            AddressUnconfirmedError: reports are emailed, and the owner's email address is not confirmed.
            InvalidInputError: the range ends before it begins, begins in the future, or is longer than `MAX_DAYS`.
            NotFoundError: the owner has no such collection.
            TooManyReportsWaitingError: the owner has `MAX_WAITING` unfinished reports.
            TooManyReportsError: the owner has `MAX_REPORTS` reports.
            TokenInvalidError: the account has just been deleted or disabled.
        """
        first, last = _days(spec.first, spec.last)
        # The lock makes concurrent orders of one user count each other.
        account = await lock_account(self._session, owner_id)
        if not account.is_verified:
            raise AddressUnconfirmedError("Confirm your email before you create reports.")
        waiting, kept = await storage.count_owned(self._session, owner_id)
        if waiting >= MAX_WAITING:
            raise TooManyReportsWaitingError
        if kept >= MAX_REPORTS:
            raise TooManyReportsError
        collection_id, name = await self._find_collection(owner_id, spec.collection)
        report = Report(
            id=uuid4(),
            owner_id=owner_id,
            format=spec.format,
            collection_id=collection_id,
            collection_name=name,
            first_day=first,
            last_day=last,
        )
        await storage.create(self._session, report)
        return report

    async def list(self, owner_id: UUID) -> Sequence[Report]:
        """The owner's reports, newest first. Reports are kept for 30 days after they expired."""
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
        """Delete a report, also while it is being built. Its file is deleted after the commit, or by the next clean-up.

        Raises:
            NotFoundError: the owner has no such report.
        """
        if not await storage.discard(self._session, owner_id, report_id):
            raise NotFoundError

        async def delete_file() -> None:
            try:
                await self._files.delete([report_id])
            except BodyStoreUnavailableError:
                # The clean-up deletes it.
                return

        self._session.after_commit(delete_file)

    async def open_file(self, owner_id: UUID, report_id: UUID) -> ReportFile:
        """Open the file of a report for download.

        Raises:
            NotFoundError: the owner has no such report.
            ReportUnfinishedError: the report has no file yet, or building it failed.
            ReportExpiredError: the file has been deleted.
            BodyStoreUnavailableError: the object store does not answer.
        """
        return await self._open(await self.get(owner_id, report_id))

    async def open_file_by_link(self, report_id: UUID, token: str) -> ReportFile:
        """Open the file of a report for a client that has the link from the email, while the owner's account is active.

        Raises:
            LinkInvalidError: the token is forged, has expired, or belongs to another report.
            NotFoundError: there is no such report, or its owner's account is disabled or deleted.
            ReportUnfinishedError: the report has no file yet, or building it failed.
            ReportExpiredError: the file has been deleted.
            BodyStoreUnavailableError: the object store does not answer.
        """
        if self._links.read(token) != [str(report_id)]:
            raise LinkInvalidError
        self._links.check(Purpose.REPORT, token)
        report = await storage.find_if_owner_is_active(self._session, report_id)
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
    """The name of a report's file: letters, digits and hyphens only, which every mail program and file system takes."""
    ending = "xlsx" if report.format is ReportFormat.XLSX else "zip"
    about = "" if report.collection_name is None else f"{_file_name_part(report.collection_name, report.id)}-"
    return f"slipbin-{about}{report.first_day}-to-{report.last_day}.{ending}"


def _file_name_part(name: str, report_id: UUID) -> str:
    """The collection's name as part of a file name, with a part of the report's id if the name had to be changed."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    part = "-".join(words)[:MAX_NAME_CHARACTERS]
    if " ".join(words) == name.lower() and len(part) < MAX_NAME_CHARACTERS:
        return part
    return f"{part}-{report_id.hex[:8]}".lstrip("-")


def media_type_of(file_format: ReportFormat) -> str:
    return {
        ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ReportFormat.CSV: "application/zip",
    }[file_format]


def _days(first: date, last: date) -> tuple[date, date]:
    """The days that a report covers: future days are left out.

    Raises:
        InvalidInputError: the range ends before it begins, begins in the future, or is longer than `MAX_DAYS`.
    """
    check_date_range(first, last)
    today = datetime.now(UTC).date()
    last = min(last, today)
    if first > today:
        raise InvalidInputError(fields=[FieldError("from", "range_in_future", "The range begins in the future.")])
    if (last - first).days >= MAX_DAYS:
        message = f"A report spans at most {MAX_DAYS} days. Choose fewer."
        raise InvalidInputError(fields=[FieldError("from", "range_too_long", message)])
    return first, last
