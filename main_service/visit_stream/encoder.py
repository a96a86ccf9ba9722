"""What is kept of a visit, made of what a request says of its sender."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b, sha256
from hmac import digest
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar
from urllib.parse import urlsplit

from main_service.settings import Settings
from main_service.visit_stream.record import EncodedVisit, as_json, encode_visit

MAX_USER_AGENT_LENGTH = 512
MAX_REFERRER_LENGTH = 2048
MAX_LANGUAGE_LENGTH = 35

_IPV4_BITS_CUT = 32 - 24
_IPV6_BITS_CUT = 128 - 48
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)

Kept = TypeVar("Kept")

_OFTEN_SEEN = 4096
_OFTEN_SEEN_LENGTH = 256
"""So many texts, and of what length at most, are remembered: about 3 MB or less for each kind."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests come from."""

    whole: bytes
    """The address, `None` if it is not known. An IPv6 address has no zone, which may be any text."""
    kept: str
    """As much of it as may be kept, as JSON."""


class VisitNotes:
    """One per process."""

    def __init__(self, settings: Settings) -> None:
        self.respects_wishes = settings.visit_respect_dnt
        """Whether who sends `DNT: 1` or `Sec-GPC: 1` is left alone."""
        self._keeps_whole_address = settings.visit_ip == "full"
        self._secret = settings.secret.get_secret_value().encode()
        self._day = -1
        self._hash_of_day = blake2b()
        self.origin = lru_cache(_OFTEN_SEEN)(self._origin)

    def write(
        self, key: str, *, at_ms: int, origin: Origin, user_agent: bytes, referrer: bytes, language: bytes
    ) -> EncodedVisit:
        """Of a visit to `key`. The three headers are as they came; empty if absent."""
        agent, kept_agent = _user_agent(user_agent)
        return encode_visit(
            at_ms,
            key,
            ip=origin.kept,
            visitor=self._visitor(origin, agent, at_ms),
            user_agent=kept_agent,
            referrer=_referrer(referrer),
            language=_first_language(language),
        )

    def write_nameless(self, key: str, *, at_ms: int) -> EncodedVisit:
        """Of somebody who does not want to be followed."""
        return encode_visit(at_ms, key, ip="null", visitor="null", user_agent='""', referrer='""', language='""')

    def _origin(self, address: IPv4Address | IPv6Address | None) -> Origin:
        if address is None:
            return Origin(b"None", "null")
        whole = str(type(address)(int(address)))
        if self._keeps_whole_address:
            return Origin(whole.encode(), as_json(whole))
        cut = _IPV4_BITS_CUT if isinstance(address, IPv4Address) else _IPV6_BITS_CUT
        return Origin(whole.encode(), as_json(str(type(address)(int(address) >> cut << cut))))

    def _visitor(self, origin: Origin, user_agent: bytes, at_ms: int) -> str:
        """As JSON. The same for one address and program on one day of UTC; another day's can't be compared with it."""
        if (day := at_ms // _DAY_MS) != self._day:
            name = datetime.fromtimestamp(at_ms // 1000, UTC).date()
            key = digest(self._secret, f"visitors of {name}".encode(), sha256)
            self._day, self._hash_of_day = day, blake2b(digest_size=8, key=key)
        visitor = self._hash_of_day.copy()
        visitor.update(b"%b %b" % (origin.whole, user_agent))
        return f'"{visitor.hexdigest()}"'


def _remembering(work: Callable[[bytes], Kept]) -> Callable[[bytes], Kept]:
    """The same, but what is often seen is worked on once: most visitors use one of a few programs."""
    remembered = lru_cache(_OFTEN_SEEN)(work)

    def work_once(header: bytes) -> Kept:
        return remembered(header) if len(header) <= _OFTEN_SEEN_LENGTH else work(header)

    return work_once


def _clean(header: bytes) -> str:
    """Its bytes taken for Latin-1, without control characters and space around it. It is what anybody wrote."""
    return header.decode("latin-1").translate(_CONTROLS).strip()


@_remembering
def _user_agent(header: bytes) -> tuple[bytes, str]:
    """All of it, and what is kept of it, as JSON."""
    user_agent = _clean(header)
    return user_agent.encode(), as_json(user_agent[:MAX_USER_AGENT_LENGTH])


@_remembering
def _referrer(header: bytes) -> str:
    """As JSON. Of one that is too long scheme and host only; empty if it is no address."""
    referrer = _clean(header)
    return as_json(referrer if len(referrer) <= MAX_REFERRER_LENGTH else _origin_of(referrer))


def _origin_of(referrer: str) -> str:
    try:
        parts = urlsplit(referrer)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    origin = f"{parts.scheme}://{host}"
    return origin if host and len(origin) <= MAX_REFERRER_LENGTH else ""


@_remembering
def _first_language(header: bytes) -> str:
    """As JSON."""
    return as_json(_clean(header).partition(",")[0].partition(";")[0].strip()[:MAX_LANGUAGE_LENGTH])
