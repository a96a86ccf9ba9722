"""Gives each request to the app an id, which its answer and its log lines carry; counts and logs it.

All in one layer, because each layer around the app costs a create some microseconds.
"""

import logging
import time
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from main_service.http_server.access_log import AccessLog, filled_in, shortened
from main_service.monitoring import log_context
from main_service.monitoring.tracing import current_trace_id
from main_service.web.client_address import Proxies, believed_address, is_trusted
from main_service.web.cookies import drop_quoted_cookies
from main_service.web.problems import drop_tracebacks
from main_service.web.request_metrics import count_request

logger = logging.getLogger(__name__)

_HEADER = log_context.HEADER.lower().encode()


class IdentifiedRequests:
    """The outermost layer, so that the answer to a bug has an id, too."""

    def __init__(self, app: ASGIApp, *, trusted_proxies: Proxies, access_log: AccessLog | None) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        drop_quoted_cookies(scope)
        request_id = self._id_of(scope)
        log_context.begin_request(request_id)
        header = (_HEADER, request_id.encode())
        began_at = time.perf_counter()
        status: int | None = None
        answered_at = 0.0
        size_bytes = 0
        is_complete = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, answered_at, size_bytes, is_complete
            if message["type"] == "http.response.start":
                status = message["status"]
                answered_at = time.perf_counter()
                message["headers"] = [*message["headers"], header]
            elif message["type"] == "http.response.body":
                size_bytes += len(message.get("body", b""))
                is_complete = not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if not is_complete:
                raise
            # uvicorn would log it, too, but then close the connection, on which the next request may be on its way.
            logger.exception("%s %s met a bug", scope["method"], _route(scope) or "(no route)")
            drop_tracebacks(error)
        finally:
            ended_at = time.perf_counter()
            count_request(scope, status=status, seconds=(answered_at or ended_at) - began_at)
            if self._access_log is not None:
                self._log(self._access_log, scope, status, size_bytes, ended_at - began_at, request_id)

    def _id_of(self, scope: Scope) -> str:
        """The id that a trusted proxy has given the request, or a new one."""
        for name, value in scope["headers"]:
            if name == _HEADER and is_trusted(_host(scope), self._trusted_proxies):
                return log_context.well_formed(value) or log_context.new_request_id()
        return log_context.new_request_id()

    def _log(
        self, access_log: AccessLog, scope: Scope, status: int | None, size_bytes: int, seconds: float, request_id: str
    ) -> None:
        forwarded = Headers(raw=scope["headers"]).getlist("x-forwarded-for")
        address = believed_address(_host(scope), forwarded, self._trusted_proxies)
        client, user_agent = access_log.about(address, scope["headers"])
        route = _route(scope)
        key = scope.get("path_params", {}).get("key", "")
        path = _shown_path(scope, status) if route is None else filled_in(route, str(key))
        access_log.add(
            method=scope["method"],
            route=route or "",
            path=path,
            status=status,
            size_bytes=0 if scope["method"] == "HEAD" else size_bytes,
            seconds=seconds,
            client=client,
            user_agent=user_agent,
            request_id=request_id,
            trace_id=current_trace_id(),
        )


def _host(scope: Scope) -> str | None:
    return scope["client"][0] if scope["client"] else None


def _route(scope: Scope) -> str | None:
    """The template of the route that took the request; None: none did."""
    return getattr(scope.get("route"), "path", None)


def _shown_path(scope: Scope, status: int | None) -> str:
    """The path of a request that no route took: of a file of ours, or shortened."""
    path: str = scope["path"]
    return path if path.startswith("/static/") and status == HTTPStatus.OK else shortened(path)
