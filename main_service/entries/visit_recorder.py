"""Records those requests that are visits to an entry."""

import time
from typing import Annotated

from fastapi import Depends, Request

from main_service.dependencies import resources_of
from main_service.entries.entry import LiveEntry
from main_service.entries.permissions import Actor
from main_service.settings import Settings
from main_service.visit_stream.encoder import VisitEncoder
from main_service.visit_stream.pending import UnconfirmedVisit
from main_service.visit_stream.record import EncodedVisit
from main_service.visit_stream.writer import VisitWriter
from main_service.web.client_address import client_address
from main_service.web.negotiation import is_prefetch

UNCONFIRMED_VISIT = "unconfirmed_visit"
"""In the state of a request whose visit Redis may have from the fast path: the `UnconfirmedVisit`."""


class VisitRecorder:
    """Records the visit of one request."""

    def __init__(
        self, request: Request, *, visit_writer: VisitWriter, encoder: VisitEncoder, settings: Settings
    ) -> None:
        self._request = request
        self._visit_writer = visit_writer
        self._encoder = encoder
        self._settings = settings

    async def record(self, entry: LiveEntry, actor: Actor) -> None:
        """Note that the actor is about to get the text or the target of the entry, unless that is no visit.

        When this returns, the visit survives this process, if Redis takes visits. Takes 2 s at worst, as a rule.
        """
        if not self._is_visit(entry, actor):
            return
        visit = self._visit_to(entry.key)
        unconfirmed: UnconfirmedVisit | None = getattr(self._request.state, UNCONFIRMED_VISIT, None)
        if unconfirmed is not None and unconfirmed.add(visit):
            return
        await self._visit_writer.record(visit)

    def _is_visit(self, entry: LiveEntry, actor: Actor) -> bool:
        """Whether the request is a visit. Crawlers' requests are too: they are told apart when visits are counted."""
        if self._request.method == "HEAD" or is_prefetch(self._request.headers):
            return False
        return actor.counts_own_visits or not actor.owns(entry)

    def _visit_to(self, key: str) -> EncodedVisit:
        at_ms = time.time_ns() // 1_000_000
        headers = self._request.headers
        if self._encoder.respects_do_not_track and "1" in (headers.get("dnt"), headers.get("sec-gpc")):
            return self._encoder.encode_anonymous(key, at_ms=at_ms)
        return self._encoder.encode(
            key,
            at_ms=at_ms,
            address=self._encoder.visitor_address(client_address(self._request, self._settings.believed_proxies)),
            host=headers.get("host", "").encode("latin-1"),
            user_agent=headers.get("user-agent", "").encode("latin-1"),
            referrer=headers.get("referer", "").encode("latin-1"),
            language=headers.get("accept-language", "").encode("latin-1"),
        )


async def get_visit_recorder(request: Request) -> VisitRecorder:
    resources = resources_of(request)
    return VisitRecorder(
        request,
        visit_writer=resources.visit_writer,
        encoder=request.app.state.visit_encoder,
        settings=resources.settings,
    )


VisitRecorderDep = Annotated[VisitRecorder, Depends(get_visit_recorder)]
