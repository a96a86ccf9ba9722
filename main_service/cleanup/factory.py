"""Builds the services of the clean-up, for the worker and the command line alike."""

from functools import cached_property

from main_service.cleanup.service import CleanupService
from main_service.cleanup.unused import UnusedCleanup
from main_service.entries.cache import EntryCache
from main_service.resources import Resources


class CleanupFactory:
    """Builds each service when it is first asked for. They open sessions of their own."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @cached_property
    def cleanup(self) -> CleanupService:
        retention = self._resources.settings.archive_retention
        return CleanupService(
            sessions=self._resources.sessions, bodies=self._resources.bodies, archive_retention=retention
        )

    @cached_property
    def unused(self) -> UnusedCleanup:
        return UnusedCleanup(sessions=self._resources.sessions, cache=EntryCache(self._resources.redis))
