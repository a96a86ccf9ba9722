"""Builds the service of reports."""

from functools import cached_property

from main_service.accounts.signed_links import SignedLinks
from main_service.engines.postgres import Session
from main_service.reports.service import ReportService
from main_service.resources import Resources


class ReportFactory:
    """Builds the service when it is first asked for; it works in the transaction of `session`."""

    def __init__(self, resources: Resources, session: Session) -> None:
        self._resources = resources
        self._session = session
        self.public_url = resources.settings.public_url

    @cached_property
    def reports(self) -> ReportService:
        links = SignedLinks(self._resources.settings)
        return ReportService(session=self._session, files=self._resources.files, links=links)
