"""What is kept of a visit to an entry, and which requests are one."""

import time
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from hmac import digest
from ipaddress import IPv4Address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers

from main_service.dependencies import ResourcesDep
from main_service.entries.live_entry import LiveEntry
from main_service.entries.rights import Asker
from main_service.settings import Settings
from main_service.visit_log import Visit, VisitLog
from main_service.web.client_address import Address, client_address
from main_service.web.link_previews import is_fetched_ahead

MAX_USER_AGENT_LENGTH = 512
MAX_REFERRER_LENGTH = 2048
MAX_LANGUAGE_LENGTH = 35

_IPV4_BITS_CUT = 32 - 24
_IPV6_BITS_CUT = 128 - 48
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


class VisitRecorder:
    """Of one request."""

    def __init__(self, request: Request, *, visits: VisitLog, settings: Settings) -> None:
        self._request = request
        self._visits = visits
        self._settings = settings

    async def record(self, entry: LiveEntry, asker: Asker) -> None:
        """Note that the asker is about to get the text or the target of the entry, unless that is no visit.

        When this returns, the visit survives this process, if Redis takes visits. Takes 2 s at worst, as a rule.
        """
        if self._is_visit(entry, asker):
            await self._visits.record(self._visit_to(entry.key))

    def _is_visit(self, entry: LiveEntry, asker: Asker) -> bool:
        """A crawler's is one too; whose it was is told when visits are counted."""
        if self._request.method == "HEAD" or is_fetched_ahead(self._request.headers):
            return False
        return asker.counts_own_visits or not asker.owns(entry)

    def _visit_to(self, key: str) -> Visit:
        at_ms = time.time_ns() // 1_000_000
        headers = self._request.headers
        if self._settings.visit_respect_dnt and "1" in (headers.get("dnt"), headers.get("sec-gpc")):
            return Visit(at_ms, key, ip=None, visitor=None, user_agent="", referrer="", language="")
        user_agent = _clean(headers, "user-agent")
        address = client_address(self._request, self._settings.trusted_proxies)
        return Visit(
            at_ms,
            key,
            ip=_address_to_keep(address, in_full=self._settings.visit_ip == "full"),
            visitor=_visitor(address, user_agent, at_ms, secret=self._settings.secret.get_secret_value()),
            user_agent=user_agent[:MAX_USER_AGENT_LENGTH],
            referrer=_referrer(_clean(headers, "referer")),
            language=_first_language(_clean(headers, "accept-language")),
        )


async def get_visit_recorder(request: Request, resources: ResourcesDep) -> VisitRecorder:
    return VisitRecorder(request, visits=resources.visits, settings=resources.settings)


VisitRecorderDep = Annotated[VisitRecorder, Depends(get_visit_recorder)]


def _clean(headers: Headers, name: str) -> str:
    """Without control characters. Otherwise it is what anybody wrote, its bytes taken for Latin-1."""
    return headers.get(name, "").translate(_CONTROLS).strip()


def _address_to_keep(address: Address | None, *, in_full: bool) -> str | None:
    """The address, or the first of its /24 (IPv6: /48); None where none is known."""
    if address is None:
        return None
    cut = 0 if in_full else _IPV4_BITS_CUT if isinstance(address, IPv4Address) else _IPV6_BITS_CUT
    # Made anew from its number, an IPv6 address has no zone, which may be any text.
    return str(type(address)(int(address) >> cut << cut))


def _visitor(address: Address | None, user_agent: str, at_ms: int, *, secret: str) -> str:
    """The same for one address and program on one day of UTC; another day's can't be compared with it."""
    day = datetime.fromtimestamp(at_ms // 1000, UTC).date()
    key = digest(secret.encode(), f"visitors of {day}".encode(), sha256)
    whole_address = _address_to_keep(address, in_full=True)
    return blake2b(f"{whole_address} {user_agent}".encode(), digest_size=8, key=key).hexdigest()


def _referrer(referrer: str) -> str:
    """Of one that is too long scheme and host only; empty if it is no address."""
    if len(referrer) <= MAX_REFERRER_LENGTH:
        return referrer
    try:
        parts = urlsplit(referrer)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    origin = f"{parts.scheme}://{host}"
    return origin if host and len(origin) <= MAX_REFERRER_LENGTH else ""


def _first_language(accepted: str) -> str:
    return accepted.partition(",")[0].partition(";")[0].strip()[:MAX_LANGUAGE_LENGTH]
