"""Builds the service of imports for requests. `runner_factory` builds their runner."""

from functools import cached_property

from main_service.engines.postgres import Session
from main_service.resources import Resources
from main_service.transfer.records import SourceLimits
from main_service.transfer.service import ImportService


class ImportFactory:
    """Builds the service when it is first asked for; it works in the transaction of `session`."""

    def __init__(self, resources: Resources, session: Session) -> None:
        self._resources = resources
        self._session = session
        self.public_url = resources.settings.public_url
        self.limits = SourceLimits.of(resources.settings)

    @cached_property
    def imports(self) -> ImportService:
        return ImportService(
            session=self._session,
            sessions=self._resources.sessions,
            files=self._resources.files,
            settings=self._resources.settings,
        )
