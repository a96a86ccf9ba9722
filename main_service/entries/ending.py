"""Deleting entries, for whoever may."""

from collections.abc import Sequence
from uuid import UUID

from main_service.database import Session
from main_service.entries import storage
from main_service.entries.aftermath import Aftermath
from main_service.entries.aliases import is_key
from main_service.entries.models import ArchivalReason, Kind
from main_service.entries.reading import EntryReader, require_live
from main_service.entries.rights import Asker, Rights


class EntryEnder:
    def __init__(self, *, session: Session, reader: EntryReader, aftermath: Aftermath, rights: Rights) -> None:
        self._session = session
        self._reader = reader
        self._aftermath = aftermath
        self._rights = rights

    async def delete(self, key: str, asker: Asker) -> Kind:
        """End an entry at once, and delete its text; return what it was.

        Raises:
            NotFoundError, EntryEndedError: as `get`.
            SignInRequiredError, NotOwnerError, ManageTokenMissingError, ManageTokenWrongError: the asker may not.
        """
        self._rights.require_manager(await self._reader.get(key, asker), asker)
        row = require_live(await storage.find_for_update(self._session, key), asker)
        self._rights.require_manager(row, asker)
        await storage.end(self._session, row, ArchivalReason.DELETED)
        self._aftermath.bury([key])
        self._aftermath.delete_bodies([row.body_id] if row.body_id else [])
        return row.kind

    async def delete_many(self, keys: Sequence[str], owner_id: UUID) -> list[str]:
        """End those of the entries that are the owner's and live; return their keys, in the order they were given."""
        ended = await storage.end_owned(self._session, owner_id, keys=[key for key in keys if is_key(key)])
        self._aftermath.bury([end.key for end in ended])
        self._aftermath.delete_bodies([end.body_id for end in ended if end.body_id])
        gone = {end.key for end in ended}
        return [key for key in dict.fromkeys(keys) if key in gone]
