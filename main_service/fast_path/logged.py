"""The fast path with an access log; without one, it costs nothing."""

from main_service.fast_path.plain_request import PlainRequest
from main_service.fast_path.protocol import FastProtocol
from main_service.monitoring import log_context

_HEADER = log_context.HEADER.lower().encode()


class LoggedFastProtocol(FastProtocol):
    """A connection whose plain requests take the fast path and are logged."""

    def respond(self, request: PlainRequest, head: bytes, body: bytes = b"") -> None:
        is_sent = not self.transport.is_closing()
        super().respond(request, head, body)
        if is_sent:
            assert self._access_log is not None
            self._access_log.add_read(
                request.key,
                "/{key}/raw" if request.wants_text else "/{key}",
                # A redirect has no body.
                status=200 if request.wants_text or body else 302,
                size_bytes=len(body),
                visit=request.visit,
                headers=request.headers,
                request_id=self._id_of(request) if self.is_proxy else None,
            )

    def _id_of(self, request: PlainRequest) -> str | None:
        """The id that a trusted proxy has given the request. We add none, because the answer would not contain it."""
        for name, value in request.headers:
            if name == _HEADER:
                return log_context.well_formed(value)
        return None
