"""Builds the services of jobs, for a request, the worker and the command line alike."""

from functools import cached_property

from main_service.admin_jobs.service import AdminJobRunner, AdminJobs, FullCleanup, JobHandlers
from main_service.cleanup.factory import CleanupFactory
from main_service.engines.postgres import Session
from main_service.resources import Resources


class AdminJobFactory:
    """Builds each service when it is first asked for. All but `jobs` open sessions of their own."""

    def __init__(self, resources: Resources, session: Session | None = None) -> None:
        """`session`: the transaction that `jobs` works in; None where it is not used."""
        self._resources = resources
        self._session = session
        self._cleanups = CleanupFactory(resources)
        self.public_url = resources.settings.public_url

    @cached_property
    def jobs(self) -> AdminJobs:
        assert self._session is not None, "ordering and reading jobs needs a session"
        return AdminJobs(session=self._session)

    @cached_property
    def runner(self) -> AdminJobRunner:
        handlers = JobHandlers(cleanup=self.cleanup, unused=self._cleanups.unused)
        return AdminJobRunner(sessions=self._resources.sessions, handlers=handlers.by_kind())

    @cached_property
    def cleanup(self) -> FullCleanup:
        return FullCleanup(sessions=self._resources.sessions, cleanup=self._cleanups.cleanup)
