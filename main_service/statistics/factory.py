"""Builds the services of statistics, for a request and a task alike."""

from functools import cached_property

from main_service.engines.postgres import Session
from main_service.entries.factory import EntryFactory
from main_service.resources import Resources
from main_service.statistics.leaderboard import Leaderboard
from main_service.statistics.period_figures import PeriodStatistics
from main_service.statistics.service import StatisticsService
from main_service.statistics.single_visits import SingleVisits


class StatisticsFactory:
    """Builds each service when it is first asked for; all work in the transaction of `session`."""

    def __init__(self, resources: Resources, session: Session, *, entries: EntryFactory | None = None) -> None:
        """`entries`: None where only the leaderboard is built."""
        self._resources = resources
        self._session = session
        self._entries = entries
        self.settings = resources.settings
        self.public_url = resources.settings.public_url

    @cached_property
    def statistics(self) -> StatisticsService:
        assert self._entries is not None, "statistics of an entry need to find it"
        return StatisticsService(
            session=self._session, entry_policy=self._entries.entry_policy, lookup=self._entries.key_lookup
        )

    @cached_property
    def periods(self) -> PeriodStatistics:
        return PeriodStatistics(session=self._session)

    @cached_property
    def single_visits(self) -> SingleVisits:
        return SingleVisits(session=self._session)

    @cached_property
    def leaderboard(self) -> Leaderboard:
        return Leaderboard(session=self._session, redis=self._resources.redis, audience=self.settings.leaderboard)
