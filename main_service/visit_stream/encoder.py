"""Encodes a visit: what a request tells about its sender, as far as it may be kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET6, inet_ntoa, inet_ntop
from typing import TypeVar
from urllib.parse import urlsplit

from main_service.engines.signing import Signer, SigningLabel
from main_service.settings import Settings
from main_service.visit_stream.record import EncodedVisit, as_json, encode_visit

MAX_USER_AGENT_LENGTH = 512
MAX_REFERRER_LENGTH = 2048
MAX_LANGUAGE_LENGTH = 35

_IPV4_BYTES = 4
_IPV6_BYTES_KEPT = 6
_IPV6_REST = bytes(16 - _IPV6_BYTES_KEPT)
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)

Remembered = TypeVar("Remembered")

_OFTEN_SEEN = 4096
_OFTEN_SEEN_LENGTH = 256
"""How many header values are remembered, and up to what length in bytes: 3 MB or less for each kind of header."""


VisitorAddress = tuple[bytes, str]
"""The client address of a visitor, as far as visits use it: the whole of it without a zone, or `None`; and as much of
it as may be kept, as JSON. A tuple without names takes an eighth of the time to make, for redirects."""


class VisitEncoder:
    """Encodes the visits of a process, which remembers what is often seen."""

    def __init__(self, settings: Settings) -> None:
        self.respects_do_not_track = settings.visit_respect_dnt
        """Whether nothing is kept of a visitor who sends `DNT: 1` or `Sec-GPC: 1`."""
        self._keeps_whole_address = settings.visit_ip == "full"
        self._signer = Signer(settings.secret, SigningLabel.VISITORS_KEY)
        self._public_host = settings.public_url.partition("://")[2].encode()
        self._day = -1
        self._hash_of_day = blake2b()

    def encode(
        self,
        key: str,
        *,
        at_ms: int,
        address: VisitorAddress,
        host: bytes,
        user_agent: bytes,
        referrer: bytes,
        language: bytes,
    ) -> EncodedVisit:
        """A visit to `key`. The four headers are as they came; empty if absent.

        A referrer on `host` or on the public host is dropped: the URLs of our own pages may be secrets, as those of
        shared collections are.
        """
        if referrer and _host_of(referrer) in (host.lower(), self._public_host):
            referrer = b""
        agent, kept_agent = _user_agent(user_agent)
        return encode_visit(
            at_ms,
            key,
            ip=address[1],
            visitor=self._visitor(address, agent, at_ms),
            user_agent=kept_agent,
            referrer=_referrer(referrer),
            language=_first_language(language),
        )

    def encode_anonymous(self, key: str, *, at_ms: int) -> EncodedVisit:
        """A visit of which nothing is kept but entry and time, for a visitor who does not want to be tracked."""
        return encode_visit(at_ms, key, ip="null", visitor="null", user_agent='""', referrer='""', language='""')

    def visitor_address(self, address: IPv4Address | IPv6Address | None) -> VisitorAddress:
        """`address`: of the client, without a zone; None: it has none."""
        return (b"None", "null") if address is None else self.visitor_at(address.packed)

    def visitor_at(self, packed: bytes) -> VisitorAddress:
        """The same as `visitor_address`, from the 4 or 16 bytes of an address."""
        # `str` of an address is written in Python and takes up to fifteen times as long; `inet_ntop` of IPv4, twice.
        if len(packed) == _IPV4_BYTES:
            return self.visitor_named(inet_ntoa(packed))
        whole = inet_ntop(AF_INET6, packed)
        kept = whole if self._keeps_whole_address else inet_ntop(AF_INET6, packed[:_IPV6_BYTES_KEPT] + _IPV6_REST)
        return whole.encode(), f'"{kept}"'

    def visitor_named(self, whole: str) -> VisitorAddress:
        """The same as `visitor_address`, from an IPv4 address as `inet_ntoa` writes it."""
        kept = f'"{whole}"' if self._keeps_whole_address else f'"{whole[: whole.rindex(".")]}.0"'
        return whole.encode(), kept

    def _visitor(self, address: VisitorAddress, user_agent: bytes, at_ms: int) -> str:
        """A hash, as JSON: the same for one address and program on one day of UTC, not comparable across days."""
        if (day := at_ms // _DAY_MS) != self._day:
            date = datetime.fromtimestamp(at_ms // 1000, UTC).date()
            self._day, self._hash_of_day = day, blake2b(digest_size=8, key=self._signer.sign(str(date).encode()))
        visitor = self._hash_of_day.copy()
        visitor.update(b"%b %b" % (address[0], user_agent))
        return f'"{visitor.hexdigest()}"'


def _remembering(work: Callable[[bytes], Remembered]) -> Callable[[bytes], Remembered]:
    """The same function, with its results for short values remembered: most visitors use one of a few programs."""
    remembered = lru_cache(_OFTEN_SEEN)(work)

    def work_once(header: bytes) -> Remembered:
        return remembered(header) if len(header) <= _OFTEN_SEEN_LENGTH else work(header)

    return work_once


def _clean(header: bytes) -> str:
    """A header, in which clients may write anything, as Latin-1 without control characters and surrounding space."""
    return header.decode("latin-1").translate(_CONTROLS).strip()


@_remembering
def _user_agent(header: bytes) -> tuple[bytes, str]:
    """The whole user agent, and what is kept of it, as JSON."""
    user_agent = _clean(header)
    return user_agent.encode(), as_json(user_agent[:MAX_USER_AGENT_LENGTH])


@_remembering
def _referrer(header: bytes) -> str:
    """The referrer as JSON. If it is too long, only scheme and host are kept; empty if it is not a URL."""
    referrer = _clean(header)
    return as_json(referrer if len(referrer) <= MAX_REFERRER_LENGTH else _origin_of(referrer))


def _host_of(referrer: bytes) -> bytes:
    """The host, with a port that is not the usual one, in lower case."""
    return referrer.partition(b"://")[2].partition(b"/")[0].lower()


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
    """The first language that the client accepts, as JSON."""
    return as_json(_clean(header).partition(",")[0].partition(";")[0].strip()[:MAX_LANGUAGE_LENGTH])
