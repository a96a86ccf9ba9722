"""Counts requests by route, method and status, and times them. Nothing of it is a value that clients make up."""

import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from main_service.monitoring.tallies import REQUESTS

NO_ROUTE = "other"
"""The route of requests for which there is none, and the method of those with one that their route doesn't have."""
CLIENT_LEFT = 499
"""The status of requests whose client left before an answer began; as nginx counts them."""
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


class RequestMetricsMiddleware:
    """Times a request until its answer begins: how long a client takes to read is not ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began_at = time.perf_counter()
        status, seconds = CLIENT_LEFT, -1.0

        async def send_and_note(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status = message["status"]
                seconds = time.perf_counter() - began_at
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            # A bug, which is answered further out.
            if seconds < 0:
                status = 500
            raise
        finally:
            method = scope["method"]
            # Each label would be some kilobytes of every process's files, for nothing but a client's mistakes.
            is_refused = method not in _METHODS or status == HTTPStatus.METHOD_NOT_ALLOWED
            REQUESTS.add(
                # Of a mounted folder of files, the path at which it is mounted.
                getattr(scope.get("route"), "path", None) or scope.get("root_path") or NO_ROUTE,
                NO_ROUTE if is_refused else method,
                status,
                None if is_refused else seconds if seconds >= 0 else time.perf_counter() - began_at,
            )
