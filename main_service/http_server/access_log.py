"""The access log: a line for each answer, without keys, which open entries, and without what identifies the client.

A line has only the first letters of a key: enough to find the entry in the database, too little to open it. Any other
part of a path is shortened as well.
"""

import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from main_service.http_server.error_responses import Refusal
from main_service.http_server.framing import RawHeaders
from main_service.monitoring.line_writer import LineWriter
from main_service.monitoring.redaction import Redaction, known_secrets
from main_service.settings import Settings
from main_service.visit_stream.encoder import VisitEncoder
from main_service.visit_stream.record import EncodedVisit

SHOWN_LETTERS = 3
"""How many letters of a key are shown; of a shorter part of a path, half."""
LONGEST_PATH = LONGEST_USER_AGENT = 200
"""The longest path, in characters: a line must be well below what a pipe writes atomically."""
UNKNOWN = "null"
"""A value that is not known or not kept, as JSON."""

_OFTEN_SEEN = 4096
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
_PART = re.compile(r"[^/]+")
_LOGGER = "main_service.access"
_AS_TEXT = re.compile(r',"(\w+)":"([^"]*)"')


def open_access_log(settings: Settings) -> "AccessLog | None":
    """The access log of this process, on standard error; None: the settings want none."""
    if not settings.access_log:
        return None
    encoder, redaction = VisitEncoder(settings), Redaction(known_secrets(settings))
    is_json = settings.log_format == "json"
    return AccessLog(sys.stderr.fileno(), is_json=is_json, encoder=encoder, redaction=redaction)


def shortened(path: str) -> str:
    """A path with the first letters of its parts."""
    return _PART.sub(lambda part: _short(part[0]), path)[:LONGEST_PATH]


@lru_cache(_OFTEN_SEEN)
def filled_in(route: str, key: str) -> str:
    """The template of a route with the first letters of the key."""
    return route.replace("{key}", _short(key))


def _short(part: str) -> str:
    return f"{part[: min(SHOWN_LETTERS, len(part) // 2)]}…"


class AccessLog:
    """The access log of a web process, on one descriptor."""

    def __init__(self, descriptor: int, *, is_json: bool, encoder: VisitEncoder, redaction: Redaction) -> None:
        """`encoder`: knows what may be kept of a client."""
        self._writer = LineWriter(descriptor, left_out=self._left_out)
        self._is_json = is_json
        self._encoder = encoder
        self._redaction = redaction
        self._process = f'","service":"main_service","role":"web","pid":{os.getpid()}'
        self._ms = -1
        self._time = self._beginning = ""
        self._agent = lru_cache(_OFTEN_SEEN)(self._cleaned)
        self._about = lru_cache(_OFTEN_SEEN)(self._describe)

    def add(
        self,
        *,
        method: str,
        route: str,
        path: str,
        status: int | None,
        size_bytes: int,
        seconds: float,
        client: str,
        user_agent: str,
        request_id: str,
        trace_id: str | None,
    ) -> None:
        """Log an answer of the app. `client` and `user_agent` are as from `about`.

        `status`: None if the client left before it had any. `size_bytes`: of the body.
        """
        more = f',"request_id":"{request_id}"' + (f',"trace_id":"{trace_id}"' if trace_id is not None else "")
        self._write(method, route, path, status, size_bytes, round(seconds, 3), client, user_agent, more)

    def add_read(
        self,
        key: str,
        route: str,
        *,
        status: int,
        size_bytes: int,
        visit: EncodedVisit,
        headers: RawHeaders,
        request_id: str | None,
    ) -> None:
        """Log an answer of the fast path. `visit` tells when the request came, and what may be kept of its sender."""
        at_ms, _, client, visitor, _ = visit[1:].split(b",", 4)
        agent = b""
        if visitor != b"null":
            for name, value in headers:
                if name == b"user-agent":
                    agent = value[:LONGEST_USER_AGENT]
                    break
        self._write(
            "GET",
            route,
            filled_in(route, key),
            status,
            size_bytes,
            (time.time_ns() // 1_000_000 - int(at_ms)) / 1000,
            client.decode(),
            self._agent(agent),
            "" if request_id is None else f',"request_id":"{request_id}"',
        )

    def add_refusal(self, refusal: Refusal, client: IPv4Address | IPv6Address | None) -> None:
        """Log an answer that the app did not give; there may have been no valid request."""
        _, kept = self._encoder.visitor_address(client)
        more = f',"refused":"{refusal.code}"'
        self._write("-", "", "-", refusal.status, refusal.size_bytes, 0.0, kept, '""', more)

    def about(self, client: IPv4Address | IPv6Address | None, headers: RawHeaders) -> tuple[str, str]:
        """What may be kept of the sender of a request: address and user agent, as JSON."""
        sent = dict(headers)
        if self._encoder.respects_do_not_track and b"1" in (sent.get(b"dnt"), sent.get(b"sec-gpc")):
            return UNKNOWN, '""'
        agent = sent.get(b"user-agent", b"")[:LONGEST_USER_AGENT]
        _, kept = self._encoder.visitor_address(client)
        return kept, self._agent(agent)

    def _cleaned(self, agent: bytes) -> str:
        # Some programs put a URL or an email address into their user agent.
        text = agent.decode("latin-1").translate(_CONTROLS).strip()
        return json.dumps(self._redaction.redact(text), ensure_ascii=False)

    def _describe(self, method: str, route: str, path: str, status: int | None) -> tuple[str, str]:
        """The message, and the fields from the method to the status, as they stand in JSON."""
        # JSON leaves control characters from U+007F on unescaped, and some terminals obey them.
        shown = json.dumps(path.translate(_CONTROLS), ensure_ascii=False)[1:-1]
        known = UNKNOWN if status is None else status
        fields = f',"method":"{method}","route":"{route}","path":"{shown}","status":{known},"bytes":'
        return f"{method} {shown} {known}", fields

    def _write(
        self,
        method: str,
        route: str,
        path: str,
        status: int | None,
        size_bytes: int,
        seconds: float,
        client: str,
        user_agent: str,
        more: str,
    ) -> None:
        now_ms = time.time_ns() // 1_000_000
        if now_ms != self._ms:
            self._ms, self._time = now_ms, _rfc3339(now_ms)
            self._beginning = f'{{"time":"{self._time}","level":"INFO","logger":"{_LOGGER}","message":"'
        message, fields = self._about(method, route, path, status)
        if self._is_json:
            line = (
                f'{self._beginning}{message}{self._process}{more}{fields}{size_bytes},"seconds":{seconds},'
                f'"client":{client},"user_agent":{user_agent}}}\n'
            )
        else:
            more = _AS_TEXT.sub(r" [\1 \2]", more) if more else ""
            line = f"{self._time} INFO {_LOGGER}: {message} {size_bytes} B {seconds} s {client} {user_agent}{more}\n"
        self._writer.add(line.encode("utf-8", "replace"))

    def _left_out(self, count: int) -> bytes:
        message = f"{count} lines of the access log were left out, as nothing read them"
        if self._is_json:
            fields = {"time": self._time, "level": "WARNING", "logger": _LOGGER, "message": message}
            return json.dumps(fields).encode() + b"\n"
        return f"{self._time} WARNING {_LOGGER}: {message}\n".encode()


def _rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
