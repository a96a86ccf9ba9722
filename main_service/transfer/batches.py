"""Imports a batch of items: first their texts, then everything else in one transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.collections import storage as collections
from main_service.engines.postgres import Session
from main_service.engines.texts import BodyStore
from main_service.entries import link_targets
from main_service.entries import storage as entries
from main_service.entries.aliases import is_reserved
from main_service.entries.entry import LiveEntry
from main_service.entries.insert_batches import InsertBatcher
from main_service.entries.lifetimes import LifetimePolicy
from main_service.keys.pool import KeySource
from main_service.transfer import storage
from main_service.transfer.drafts import Draft, NotImportedError, draft_of
from main_service.transfer.formats import ImportFormat
from main_service.transfer.imported_collections import add_to_collections, collection_name, make_collection
from main_service.transfer.models import ImportJob, Verdict
from main_service.transfer.name_checks import NameChecks
from main_service.transfer.records import EmptyCollection, Item, Record, Skipped, printable
from main_service.transfer.storage import Line
from main_service.visits import imported_figures

TEXTS_AT_ONCE = 8
TAKEN = "Its name is taken here, so it gets another."
TWICE = "It is in the file twice."
IMPORTED = "It was imported before."
OWNED = "You have it here."
NOT_CHECKED = "The import itself will show whether its name is free: too many names were checked lately."
TOO_MANY_COLLECTIONS = "You have reached the limit of collections."
HAS_COLLECTION = "You have a collection of this name."
LINK_REFUSED = "It isn't shared: the key of its link can't be used here."
NAMELESS = "This collection has no name that can be shown."


@dataclass(frozen=True)
class Foreseen:
    """What a dry run has found so far, so that it notices repetitions. Imports notice them by the database."""

    digests: set[bytes] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


class BatchImporter:
    """Imports batches of items for their owners."""

    def __init__(
        self,
        *,
        sessions: async_sessionmaker[Session],
        batcher: InsertBatcher,
        bodies: BodyStore,
        keys: KeySource,
        name_checks: NameChecks,
        policy: LifetimePolicy,
        public_url: str,
    ) -> None:
        """`policy`: the lifetimes of users' entries."""
        self._sessions = sessions
        self._batcher = batcher
        self._bodies = bodies
        self._keys = keys
        self._name_checks = name_checks
        self._policy = policy
        self._public_url = public_url

    def recall(self, job: ImportJob, items: Iterable[Item]) -> Foreseen:
        """What a dry run has found in the items that earlier runs settled. It blocks."""
        assert job.owner_id is not None
        foreseen, service = Foreseen(), ImportFormat(job.format).service
        for item in items:
            made = None if isinstance(item, EmptyCollection) else self._draft(item, 0, service, job.owner_id)
            if isinstance(made, Draft):
                foreseen.digests.add(made.digest)
                foreseen.keys.add(made.entry.key)
        return foreseen

    async def import_batch(self, job: ImportJob, items: Sequence[Item], *, position: int, foreseen: Foreseen) -> bool:
        """Import the items after a position, and record what became of each; False: the import is over.

        `foreseen`: what the dry run has found so far; the items are added.

        Raises:
            UnavailableError, StorageFullError: nothing was recorded.
            TokenInvalidError: the account has just been deleted.
        """
        assert job.owner_id is not None
        service = ImportFormat(job.format).service
        drafts: dict[int, Draft] = {}
        lines: dict[int, Line] = {}
        empty: dict[int, EmptyCollection] = {}
        for number, item in enumerate(items, position + 1):
            if isinstance(item, EmptyCollection):
                empty[number] = item
                continue
            made = self._draft(item, number, service, job.owner_id)
            if isinstance(made, Line):
                lines[number] = made
            else:
                drafts[number] = made
        if job.is_dry_run:
            return await self._foresee(job, drafts, empty, lines, foreseen)
        return await self._create(job, drafts, empty, lines)

    def _draft(self, item: Record | Skipped, number: int, service: str, owner_id: UUID) -> Draft | Line:
        place = printable(item.place)
        if isinstance(item, Skipped):
            return Line(number, place, Verdict.FAILED if item.is_fault else Verdict.SKIPPED, message=item.reason)
        try:
            return draft_of(item, service=service, owner_id=owner_id, policy=self._policy, public_url=self._public_url)
        except NotImportedError as error:
            verdict = Verdict.FAILED if error.is_fault else Verdict.SKIPPED
            return Line(number, place, verdict, message=str(error))

    async def _foresee(
        self,
        job: ImportJob,
        drafts: dict[int, Draft],
        empty: dict[int, EmptyCollection],
        lines: dict[int, Line],
        foreseen: Foreseen,
    ) -> bool:
        """Record what would become of the items, and change nothing else."""
        assert job.owner_id is not None
        async with self._sessions() as session:
            drafts = await self._unknown(session, job.owner_id, drafts, lines, seen=foreseen.digests)
            keys = [draft.entry.key for draft in drafts.values() if draft.entry.key]
            is_checked = await self._name_checks.may_ask(job.owner_id, len(keys))
            used = await storage.list_used_keys(session, keys) if is_checked else set()
            for number, draft in drafts.items():
                key, note = draft.entry.key or None, draft.note
                if key in used or key in foreseen.keys:
                    key, note = None, TAKEN
                elif key is not None:
                    foreseen.keys.add(key)
                    note = " ".join(filter(None, (note, None if is_checked else NOT_CHECKED))) or None
                place = printable(draft.record.place)
                lines[number] = Line(number, place, Verdict.WOULD_BE_CREATED, key, note)
            for number, each in empty.items():
                lines[number] = await self._foresee_collection(session, job.owner_id, number, each)
            is_open = await storage.advance(session, job.id, _in_order(lines))
            await session.commit()
        return is_open

    async def _create(
        self, job: ImportJob, drafts: dict[int, Draft], empty: dict[int, EmptyCollection], lines: dict[int, Line]
    ) -> bool:
        assert job.owner_id is not None
        async with self._sessions() as session:
            drafts = await self._unknown(session, job.owner_id, drafts, lines, seen=set())
        # Texts that end up without a row are left to the daily sweep: after a failed commit which they are is unknown.
        await self._keep_texts([draft for draft in drafts.values() if draft.record.text is not None])
        async with self._sessions() as session:
            made = await self._insert(session, drafts)
            of_collections = await add_to_collections(session, job.owner_id, made)
            for number, draft in made.items():
                notes = [draft.note, of_collections.get(number)]
                if drafts[number].entry.key not in ("", draft.entry.key):
                    notes.append(TAKEN)
                note = " ".join(filter(None, notes)) or None
                place = printable(draft.record.place)
                lines[number] = Line(number, place, Verdict.CREATED, draft.entry.key, note)
            if made:
                await self._keep_history(session, list(made.values()))
                await storage.remember(session, job.owner_id, {e.digest: e.entry.key for e in made.values()})
            for number, each in empty.items():
                lines[number] = await self._make_collection(session, job.owner_id, number, each)
            is_open = await storage.advance(session, job.id, _in_order(lines))
            if is_open:
                await session.commit()
        return is_open

    async def _keep_history(self, session: Session, made: Sequence[Draft]) -> None:
        """Record the visits and targets that new entries had before."""
        visits = {each.entry.key: (each.record.visits, each.record.bot_visits) for each in made}
        await storage.count_visits(session, visits)
        await imported_figures.add(session, [(each.entry.key, month) for each in made for month in each.record.figures])
        if targets := {each.entry.key: each.targets for each in made if each.targets}:
            await link_targets.restore(session, targets)

    async def _make_collection(self, session: Session, owner_id: UUID, number: int, empty: EmptyCollection) -> Line:
        place, collection = printable(empty.place), replace(empty.collection, name=collection_name(empty.collection))
        if not collection.name:
            return Line(number, place, Verdict.FAILED, message=NAMELESS)
        made = await make_collection(session, owner_id, collection)
        if made.id is None:
            return Line(number, place, Verdict.FAILED, message=TOO_MANY_COLLECTIONS)
        if not made.is_new:
            return Line(number, place, Verdict.KNOWN, message=HAS_COLLECTION)
        message = LINK_REFUSED if made.is_unshared else None
        return Line(number, place, Verdict.CREATED, message=message)

    async def _foresee_collection(self, session: Session, owner_id: UUID, number: int, empty: EmptyCollection) -> Line:
        place, name = printable(empty.place), collection_name(empty.collection)
        if not name:
            return Line(number, place, Verdict.FAILED, message=NAMELESS)
        if await collections.find_by_id_or_name(session, owner_id, name) is not None:
            return Line(number, place, Verdict.KNOWN, message=HAS_COLLECTION)
        return Line(number, place, Verdict.WOULD_BE_CREATED)

    async def _unknown(
        self, session: Session, owner_id: UUID, drafts: dict[int, Draft], lines: dict[int, Line], *, seen: set[bytes]
    ) -> dict[int, Draft]:
        """The drafts that are new; those that the owner has, were imported before or come twice are added to `lines`.

        `seen`: the digests of items before these; those of the drafts are added.
        """
        known = await storage.list_known(session, owner_id, [draft.digest for draft in drafts.values()])
        owned = await storage.list_owned_keys(session, owner_id, [draft.entry.key for draft in drafts.values()])
        left: dict[int, Draft] = {}
        for number, draft in drafts.items():
            place = printable(draft.record.place)
            if draft.digest in known:
                lines[number] = Line(number, place, Verdict.KNOWN, known[draft.digest], IMPORTED)
            elif _is_of(draft.entry, owned.get(draft.entry.key)):
                lines[number] = Line(number, place, Verdict.KNOWN, draft.entry.key, OWNED)
            elif draft.digest in seen:
                lines[number] = Line(number, place, Verdict.KNOWN, None, TWICE)
            else:
                seen.add(draft.digest)
                left[number] = draft
        return left

    async def _keep_texts(self, drafts: Sequence[Draft]) -> None:
        """Put the texts into the store before any row names them."""
        for start in range(0, len(drafts), TEXTS_AT_ONCE):
            puts = (self._put(draft) for draft in drafts[start : start + TEXTS_AT_ONCE])
            await asyncio.gather(*puts)

    async def _put(self, draft: Draft) -> None:
        assert draft.entry.body_id is not None
        assert draft.record.text is not None
        await self._bodies.put(draft.entry.body_id, draft.record.text)

    async def _insert(self, session: Session, drafts: dict[int, Draft]) -> dict[int, Draft]:
        """Insert the entries, with new keys where theirs are taken; return the drafts as inserted."""
        made: dict[int, Draft] = {}
        left = dict(drafts)
        while left:
            asked: dict[str, tuple[int, Draft]] = {}
            for number, draft in left.items():
                key = draft.entry.key
                if not key or key in asked:
                    key = await self._new_key(draft)
                asked[key] = (number, replace(draft, entry=replace(draft.entry, key=key)))
            is_known = await self._batcher.make_known(list(asked))
            rows = [draft.entry for _, draft in asked.values()]
            inserted = await entries.create_all(session, rows, must_invalidate=not is_known)
            made |= {number: draft for key, (number, draft) in asked.items() if key in inserted}
            left = {
                number: replace(draft, entry=replace(draft.entry, key=""))
                for number, draft in left.items()
                if number not in made
            }
        return made

    async def _new_key(self, draft: Draft) -> str:
        while is_reserved(key := await self._keys.take(draft.pool)):
            continue
        return key


def _is_of(entry: LiveEntry, created_at: datetime | None) -> bool:
    """Whether the owner's entry of this key, created then, is the very one: a file may have rounded its time."""
    return created_at is not None and abs(entry.created_at - created_at) < timedelta(milliseconds=1)


def _in_order(lines: dict[int, Line]) -> list[Line]:
    return [lines[number] for number in sorted(lines)]
