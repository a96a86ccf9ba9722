"""Builds the services that list and export a user's entries, for a request, a task and the command line alike."""

from functools import cached_property

from main_service.engines.postgres import Session
from main_service.my_entries.archive import ArchiveService
from main_service.my_entries.numbered_links import NumberedLinks
from main_service.my_entries.service import EntryExporter, EntryLister
from main_service.resources import Resources
from main_service.web.cursors import Cursors


class MyEntriesFactory:
    """Builds each service when it is first asked for. What is streamed has sessions of its own, not `session`."""

    def __init__(self, resources: Resources, session: Session) -> None:
        self._resources = resources
        self._session = session
        self.public_url = resources.settings.public_url
        # Half of what all users share.
        self._most_searches = max(1, resources.settings.database_pool_size // 2)

    @cached_property
    def lister(self) -> EntryLister:
        return EntryLister(
            session=self._session, cursors=Cursors(self._resources.settings), most_searches=self._most_searches
        )

    @cached_property
    def numbered_links(self) -> NumberedLinks:
        return NumberedLinks(session=self._session, most_searches=self._most_searches)

    @cached_property
    def exporter(self) -> EntryExporter:
        return EntryExporter(sessions=self._resources.sessions)

    @cached_property
    def archive(self) -> ArchiveService:
        return ArchiveService(
            sessions=self._resources.sessions, bodies=self._resources.bodies, public_url=self.public_url
        )
