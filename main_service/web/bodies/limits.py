"""Limits the size of each request's body, and of all bodies that a process holds at once in memory and on disk.

One client may hold half of that. Else a few uploads of one, fast at first and then as slow as may be, would have all
others refused for minutes.

What the application makes of bodies is not counted. Starlette's own limit is not used, because it answers a large
`Content-Length` in plain text.
"""

from collections import Counter
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FREE_BYTES = 64 * 1024
"""The first bytes of each body, which are not counted, so that many large bodies never keep out a short text."""

MAX_BODY_BYTES = 128 * 1024
"""The largest body of a request without a text, and the most that a body may contain in addition to its text."""

BULK_PATH = "/api/v1/entries/bulk"
IMPORT_PATHS = ("/api/v1/imports", "/settings/import")
"""Paths that take files, which are written to disk while they arrive."""
MAX_BULK_BYTES = 64 * 1024 * 1024
"""The largest body that creates many entries; where a single text may be larger, that is."""

MIN_DISK_BUDGET_BYTES = 512 * 1024 * 1024

_PLAIN_TEXT_PATHS = frozenset(["/", "/documents", "/pastebinit", "/api/v2", "/api/v2/"])
"""Where the doors of other programs take texts in a plain body, a form or an urlencoded one."""
_JSON_TEXT_PATHS = frozenset(["/api/v1/pastes", "/api/v1/paste"])


def body_limit(max_text_bytes: int, max_import_bytes: int) -> Callable[[str, str], int]:
    """The most bytes of the body of a request, by its method and path."""

    def limit(method: str, path: str) -> int:
        if path in IMPORT_PATHS:
            return import_body_bytes(max_import_bytes)
        if path == BULK_PATH:
            return max(MAX_BULK_BYTES, text_body_bytes(max_text_bytes))
        if path in _PLAIN_TEXT_PATHS:
            # Percent-encoding may turn each byte into three.
            return 3 * max_text_bytes + MAX_BODY_BYTES
        if method == "PUT" and path.count("/") == 1:
            # UTF-16 takes two bytes for an ASCII letter.
            return 2 * max_text_bytes + MAX_BODY_BYTES
        if path in _JSON_TEXT_PATHS or path.startswith("/api/v1/entries/"):
            return text_body_bytes(max_text_bytes)
        if path == "/pastes" or path.endswith("/edit"):
            # A browser sends each line end as two bytes.
            return 2 * max_text_bytes + MAX_BODY_BYTES
        return MAX_BODY_BYTES

    return limit


def largest_body_bytes(max_text_bytes: int, max_import_bytes: int) -> int:
    """The most bytes of the body of any request."""
    return max(MAX_BULK_BYTES, text_body_bytes(max_text_bytes), import_body_bytes(max_import_bytes))


def import_body_bytes(max_import_bytes: int) -> int:
    """The most bytes of a form with a file to import."""
    return max_import_bytes + MAX_BODY_BYTES


def text_body_bytes(max_text_bytes: int) -> int:
    """The most bytes of a JSON object that carries a text: a body, or a line of one."""
    # JSON may write each byte of a text as `\u0001`, six bytes.
    return 6 * max_text_bytes + MAX_BODY_BYTES


def disk_budget_bytes(max_import_bytes: int) -> int:
    """The most bytes of files that a process writes to disk at once while they arrive: four or more of the largest."""
    return max(MIN_DISK_BUDGET_BYTES, 4 * import_body_bytes(max_import_bytes))


class BodyLimitsMiddleware:
    """Answers 413 to a body over `limit(method, path)` bytes, and 503 when all together would exceed `budget_bytes`, or
    those that are written to disk while they arrive `disk_budget_bytes`; those of one client, half of either.

    Both are raised where the body is read, as HTTPException, the only error that FastAPI lets through from there.
    `client_of`: the client of a request, for those with large bodies; None: it can't be told from others.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: Callable[[str, str], int],
        client_of: Callable[[HTTPConnection], bytes | None],
        budget_bytes: int,
        disk_budget_bytes: int,
    ) -> None:
        self.app = app
        self._limit = limit
        self._client_of = client_of
        self._in_memory = _Budget(budget_bytes)
        self._on_disk = _Budget(disk_budget_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD"):
            await self.app(scope, _without_body(receive), send)
            return
        max_bytes = self._limit(scope["method"], scope["path"])
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        is_too_large = announced.isdigit() and int(announced) > max_bytes
        budget = self._on_disk if scope["path"] in IMPORT_PATHS else self._in_memory
        received_bytes = 0
        held_bytes = 0
        client: bytes | None = None

        async def receive_within_limits() -> Message:
            nonlocal received_bytes, held_bytes, client
            if is_too_large:
                raise HTTPException(413)
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > max_bytes:
                raise HTTPException(413)
            grown_bytes = max(0, received_bytes - FREE_BYTES) - held_bytes
            if grown_bytes and not held_bytes:
                client = self._client_of(HTTPConnection(scope))
            if not budget.take(grown_bytes, client, largest_bytes=max_bytes):
                raise HTTPException(503, "Too many large requests right now.")
            held_bytes += grown_bytes
            return message

        try:
            await self.app(scope, receive_within_limits, send)
        finally:
            budget.give_back(held_bytes, client)


class _Budget:
    """How many bytes of bodies may still be held."""

    def __init__(self, size_bytes: int) -> None:
        self._left_bytes = size_bytes
        self._share_bytes = size_bytes // 2
        self._of_clients: Counter[bytes] = Counter()

    def take(self, size_bytes: int, client: bytes | None, *, largest_bytes: int) -> bool:
        """Whether there is room for this many more; if so, take it.

        `client`: None: it can't be told from others, and has no share. `largest_bytes`: of a body, for which there is
        room in each share.
        """
        if size_bytes > self._left_bytes:
            return False
        if client is not None and size_bytes:
            if self._of_clients[client] + size_bytes > max(self._share_bytes, largest_bytes):
                return False
            self._of_clients[client] += size_bytes
        self._left_bytes -= size_bytes
        return True

    def give_back(self, size_bytes: int, client: bytes | None) -> None:
        self._left_bytes += size_bytes
        if client is not None:
            self._of_clients[client] -= size_bytes
            if not self._of_clients[client]:
                del self._of_clients[client]


def _without_body(receive: Receive) -> Receive:
    """`receive` with empty bodies. It still tells streaming answers that the client has disconnected."""

    async def receive_nothing() -> Message:
        message = await receive()
        return {**message, "body": b""} if message["type"] == "http.request" else message

    return receive_nothing
