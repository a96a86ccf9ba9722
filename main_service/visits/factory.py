"""Builds the services that bring visits to PostgreSQL and maintain their tables."""

from functools import cached_property

from main_service.resources import Resources
from main_service.visit_stream.reader import VisitStream
from main_service.visits.countries import Countries
from main_service.visits.ingest import Ingest
from main_service.visits.unique_visitors import UniqueVisitors
from main_service.visits.upkeep import Partitions


class VisitFactory:
    """Builds services for one run. Each opens sessions of its own."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @cached_property
    def stream(self) -> VisitStream:
        return VisitStream(self._resources.redis)

    @cached_property
    def partitions(self) -> Partitions:
        return Partitions(sessions=self._resources.sessions, retention=self._resources.settings.visit_retention)

    def ingest(self, countries: Countries) -> Ingest:
        """The ingest, with an open database of countries."""
        return Ingest(
            sessions=self._resources.sessions,
            stream=self.stream,
            visitors=UniqueVisitors(self._resources.redis),
            countries=countries,
        )
