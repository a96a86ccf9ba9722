"""The address by which a client is limited, and a warning where a proxy hides the addresses of all clients.

Behind a proxy that MAIN_TRUSTED_PROXIES does not name, all clients come from one address. Limited by it, one of them
could lock out all others. So if such a proxy is in the operator's own network, the address that it names is limited
instead.

Our gateway forwards the `X-Forwarded-For` that it received in a header of its own, so that a proxy in front of the
gateway is noticed, too. Only this module reads that header.
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
    Proxies,
    Speaker,
    is_inner,
    is_trusted,
    last_speaker,
    named_client,
    network_of,
)

logger = logging.getLogger(__name__)

GATEWAY_HEADER = "x-slipbin-forwarded-for"
"""What the gateway was sent as `X-Forwarded-For`, and after a comma the address that sent it. The gateway drops what
clients write there, and sends it only with requests that had an `X-Forwarded-For`."""

UNNAMED_PROXY = "MAIN_TRUSTED_PROXIES does not name every proxy from which X-Forwarded-For comes."
PERHAPS_A_PROXY = (
    "An address on the internet sends X-Forwarded-For for many clients: a proxy that MAIN_TRUSTED_PROXIES does not "
    "name, or a client that makes them up."
)
"""Anyone can cause this warning, so it asks rather than states."""

WARNING_SECONDS = 3_600
"""How long after its cause was last seen a warning ends."""

CROWD = 10
"""A host that names so many clients within `CROWD_SECONDS` is taken for a proxy, whatever its network."""
CROWD_SECONDS = 600
REMEMBERED_SPEAKERS = 256
LOOK_MS = 100
"""How long the fast path checks no more headers after it has checked one."""


class ProxyWatch:
    """The proxies that a process has seen. Made once.

    `trusted_proxies`: the operator's. `gateway`: where ours connects from. `now`: a clock in seconds, from any start.
    """

    def __init__(
        self,
        trusted_proxies: Sequence[Network],
        *,
        gateway: Proxies = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted_proxies = trusted_proxies
        self._gateway = gateway
        self._believed = (*gateway, *trusted_proxies)
        self._now = now
        self._crowds = _Crowds()
        self._was_header_ignored = False
        self._seen_at: dict[str, float] = {}
        """When the cause of each warning was last seen."""
        self.look_again_at_ms = 0
        """The instant, in ms since 1970, before which `look` need not be called."""

    @property
    def warnings(self) -> list[str]:
        """The warnings for the operator, shown by the health check. They contain no address."""
        return [warning for warning in (UNNAMED_PROXY, PERHAPS_A_PROXY) if self._is_current(warning)]

    def limited_address(self, request: HTTPConnection) -> Address | None:
        """The address by which a request is limited. None: the client can't be told from others, and is not limited."""
        return self._limited(self._speaker(request))

    def watched_header(self, host: str | None) -> bytes:
        """The header by which a proxy is noticed on a connection from `host`; None: it is a unix socket."""
        return (GATEWAY_HEADER if is_trusted(host, self._gateway) else "x-forwarded-for").encode()

    def look(self, host: str | None, value: bytes, *, at_ms: int) -> None:
        """Notice the proxies of a request that is not limited, by the value of its `watched_header`."""
        self.look_again_at_ms = at_ms + LOOK_MS
        told = value.decode("latin-1")
        if is_trusted(host, self._gateway):
            self._limited(self._speaker_before_gateway(told))
        else:
            self._limited(last_speaker(host, [told], self._believed))

    def _limited(self, speaker: Speaker) -> Address | None:
        client = None if speaker.is_trusted else named_client(speaker.unbelieved)
        if client is None:
            return speaker.address
        is_inside = speaker.address is None or is_inner(speaker.address)
        if speaker.is_peer and is_inside:
            consequence = "so limits count by the last address from outside that it names"
            self._warn(UNNAMED_PROXY, speaker.address, consequence)
            return client
        self._note_ignored(speaker.address, client)
        return speaker.address

    def is_from_inside(self, request: HTTPConnection) -> bool:
        """Whether a request comes from an inner network, and not through a proxy that says so."""
        address, _, _, unbelieved = self._speaker(request)
        return not unbelieved and (address is None or is_inner(address))

    def is_near(self, request: HTTPConnection) -> bool:
        """Whether a request comes from this machine, or from an inner network without any proxy.

        Behind a proxy an inner address may be that of a container engine, which strangers come through.
        """
        address, is_peer, _, unbelieved = self._speaker(request)
        if unbelieved:
            return False
        return address is None or address.is_loopback or (is_peer and is_inner(address))

    def _speaker(self, request: HTTPConnection) -> Speaker:
        host = request.client.host if request.client else None
        if (told := request.headers.get(GATEWAY_HEADER)) and is_trusted(host, self._gateway):
            return self._speaker_before_gateway(told)
        return last_speaker(host, request.headers.getlist("x-forwarded-for"), self._believed)

    def _speaker_before_gateway(self, told: str) -> Speaker:
        """The host that the web process would see without the gateway. `told`: its `GATEWAY_HEADER`."""
        forwarded_for, _, peer = told.rpartition(",")
        return last_speaker(peer.strip(), [forwarded_for], self._trusted_proxies)

    def _note_ignored(self, speaker: Address | None, client: Address) -> None:
        """Note an untrusted `X-Forwarded-For`. Any client on the internet may send one, so that alone is no warning."""
        if not self._was_header_ignored:
            self._was_header_ignored = True
            logger.info("X-Forwarded-For of an address that MAIN_TRUSTED_PROXIES does not name is ignored")
        # A company's outbound proxy may name many clients.
        if not is_inner(client) and self._crowds.has_grown(subject_of(speaker), subject_of(client), at=self._now()):
            is_inside = speaker is None or is_inner(speaker)
            warning = UNNAMED_PROXY if is_inside else PERHAPS_A_PROXY
            self._warn(warning, speaker, "so all that come through it share one client's limits")

    def _is_current(self, warning: str) -> bool:
        seen_at = self._seen_at.get(warning)
        return seen_at is not None and self._now() - seen_at <= WARNING_SECONDS

    def _warn(self, warning: str, speaker: Address | None, consequence: str) -> None:
        is_known = self._is_current(warning)
        self._seen_at[warning] = self._now()
        if not is_known:
            where = "a unix socket, so let it connect by TCP" if speaker is None else network_of(speaker)
            cure = "Set MAIN_TRUSTED_PROXIES to its address"
            # Trusting a client that makes up addresses would be worse than the warning.
            cure += ", if it is a proxy of yours; else there is nothing to do." if warning is PERHAPS_A_PROXY else "."
            logger.warning("%s One is %s, %s. %s", warning, where, consequence, cure)


class _Crowds:
    """The number of clients that each host has named lately."""

    def __init__(self) -> None:
        self._crowds: OrderedDict[bytes | None, tuple[float, set[bytes | None]]] = OrderedDict()

    def has_grown(self, speaker: bytes | None, client: bytes | None, *, at: float) -> bool:
        """Count a client that a host named; return whether the host has now named `CROWD` clients."""
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
