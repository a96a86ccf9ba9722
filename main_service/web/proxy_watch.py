"""The address by which a client is limited, and a warning where a proxy hides the addresses of all clients.

Behind a proxy that MAIN_TRUSTED_PROXIES does not name, all clients come from one address. Limited by it, one of them
could lock out all others. So while such a proxy is in the operator's own network, whom it names is limited instead.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from starlette.requests import HTTPConnection

from main_service.engines.rate_limits import subject_of
from main_service.web.client_address import (
    Address,
    Network,
    Speaker,
    is_inner,
    last_speaker,
    named_client,
    network_of,
)

logger = logging.getLogger(__name__)

WARNING = "MAIN_TRUSTED_PROXIES does not name every proxy from which X-Forwarded-For comes."

WARNING_SECONDS = 3_600
"""How long after its cause was last seen a warning ends."""

CROWD = 10
"""A host that names so many clients within `CROWD_SECONDS` is taken for a proxy, whatever its network."""
CROWD_SECONDS = 600
REMEMBERED_SPEAKERS = 256


class ProxyWatch:
    """The proxies that a process has seen. Made once. `now`: a clock in seconds, from any start."""

    def __init__(self, trusted_proxies: Sequence[Network], *, now: Callable[[], float] = time.monotonic) -> None:
        self._trusted_proxies = trusted_proxies
        self._now = now
        self._crowds = _Crowds()
        self._was_header_ignored = False
        self._seen_at: float | None = None

    @property
    def warning(self) -> str | None:
        """The warning for the operator, shown by the health check. It contains no address."""
        if self._seen_at is None or self._now() - self._seen_at > WARNING_SECONDS:
            return None
        return WARNING

    def limited_address(self, request: HTTPConnection) -> Address | None:
        """The address by which a request is limited. None: the client can't be told from others, and is not limited."""
        speaker = self._speaker(request)
        client = None if speaker.is_trusted else named_client(speaker.unbelieved)
        if client is None:
            return speaker.address
        is_inside = speaker.address is None or is_inner(speaker.address)
        if speaker.is_peer and is_inside:
            self._warn(speaker.address, "so limits count by the last address from outside that it names")
            return client
        self._note_ignored(speaker.address, client)
        return speaker.address

    def is_from_inside(self, request: HTTPConnection) -> bool:
        """Whether a request comes from an inner network, and not through a proxy that says so."""
        address, _, _, unbelieved = self._speaker(request)
        return not unbelieved and (address is None or is_inner(address))

    def _speaker(self, request: HTTPConnection) -> Speaker:
        host = request.client.host if request.client else None
        return last_speaker(host, request.headers.getlist("x-forwarded-for"), self._trusted_proxies)

    def _note_ignored(self, speaker: Address | None, client: Address) -> None:
        """Note an untrusted `X-Forwarded-For`. Any client on the internet may send one, so that alone is no warning."""
        if not self._was_header_ignored:
            self._was_header_ignored = True
            logger.info("X-Forwarded-For of an address that MAIN_TRUSTED_PROXIES does not name is ignored")
        # A company's own proxy may name many clients of the company.
        if not is_inner(client) and self._crowds.has_grown(subject_of(speaker), subject_of(client), at=self._now()):
            self._warn(speaker, "so all that come through it share one client's limits")

    def _warn(self, speaker: Address | None, consequence: str) -> None:
        is_known = self.warning is not None
        self._seen_at = self._now()
        if not is_known:
            where = "a unix socket, so let it connect by TCP" if speaker is None else network_of(speaker)
            logger.warning("%s One is %s, %s. Set MAIN_TRUSTED_PROXIES to its address.", WARNING, where, consequence)


class _Crowds:
    """The number of clients that each host has named lately."""

    def __init__(self) -> None:
        self._crowds: OrderedDict[bytes | None, tuple[float, set[bytes | None]]] = OrderedDict()

    def has_grown(self, speaker: bytes | None, client: bytes | None, *, at: float) -> bool:
        """Count a client of a host; whether the host has named `CROWD` clients now."""
        since, clients = self._crowds.pop(speaker, (at, set()))
        if at - since > CROWD_SECONDS:
            since, clients = at, set()
        if len(clients) < CROWD:
            clients.add(client)
        self._crowds[speaker] = since, clients
        if len(self._crowds) > REMEMBERED_SPEAKERS:
            self._crowds.popitem(last=False)
        return len(clients) >= CROWD


def limited_address(request: HTTPConnection) -> Address | None:
    """The address by which a request is limited, from the process's `ProxyWatch`; None: it is not limited."""
    watch: ProxyWatch = request.app.state.proxy_watch
    return watch.limited_address(request)
