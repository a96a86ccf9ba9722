"""The limits that all connections of a process share: descriptors, memory for answers, and connections per client."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from heapq import nsmallest
from typing import Protocol

from main_service.engines.rate_limits import subject_of
from main_service.http_server.error_responses import NO_ROOM, TOO_MANY_CONNECTIONS, Refusal
from main_service.http_server.unsent import UnsentAnswers
from main_service.monitoring.descriptors import allowed_descriptors
from main_service.monitoring.metrics import CONNECTIONS
from main_service.web.client_address import Address, Proxies, believed_address, is_inner, is_trusted, network_of

logger = logging.getLogger(__name__)

RESERVE = 128
"""How many descriptors clients leave free for connections to the engines and for files; at most a quarter of all."""

CLOSED_AT_ONCE = 64
"""One of so many connections is closed at a time to make room, so that the search for idle ones is rare."""

WARNING_SECONDS = 60
PROXY_WARNING_SECONDS = 3_600


class Closable(Protocol):
    """A connection that can be closed to make room for another."""

    def waiting_since(self) -> float | None: ...
    def has_begun(self) -> bool: ...
    def claims_another_client(self) -> bool: ...
    def make_room(self) -> None: ...


class ProcessLimits:
    """Admits connections and closes idle ones; one per process.

    `connections_per_client`: how many an address (IPv6: its /64) may have, trusted proxies excepted; None: no limit.
    """

    def __init__(self, *, connections_per_client: int | None, trusted_proxies: Proxies) -> None:
        self.unsent = UnsentAnswers(time.monotonic)
        self._connections_per_client = connections_per_client
        self._trusted_proxies = trusted_proxies
        self._clients: dict[Closable, bytes | None] = {}
        """The client of each open connection; None: it counts for no client."""
        self._counted: defaultdict[bytes, set[Closable]] = defaultdict(set)
        """The open connections that count for each client."""
        self._allowed = allowed_descriptors()
        self._last_free = self._allowed - min(RESERVE, self._allowed // 4)
        self._warn_again_at = self._warn_of_proxy_again_at = 0.0

    def admit(self, connection: Closable, *, host: str | None, descriptor: int) -> Refusal | None:
        """Count a new connection; return None, or the refusal with which it must be closed.

        `host`: the address of the other end; None for a unix socket. `descriptor`: the connection's number; all below
        it are in use, because the system gives the lowest free one.
        """
        client = self._client(host)
        if client is not None and self._has_too_many(client, host):
            return TOO_MANY_CONNECTIONS
        if descriptor >= self._last_free and not self._make_room():
            return NO_ROOM
        self._clients[connection] = client
        if client is not None:
            self._counted[client].add(connection)
        CONNECTIONS.inc()
        return None

    def client_of(self, connection: Closable) -> bytes | None:
        """The client of a connection; None if it can't be told, or the connection counts for no client."""
        return self._clients.get(connection)

    def dismiss(self, connection: Closable) -> None:
        """Stop counting a connection that is closed. One that was never admitted is ignored."""
        if connection not in self._clients:
            return
        client = self._clients.pop(connection)
        CONNECTIONS.dec()
        if client is not None:
            self._uncount(client, [connection])

    def _client(self, host: str | None) -> bytes | None:
        if is_trusted(host, self._trusted_proxies):
            return None
        return subject_of(believed_address(host, (), ()))

    def _has_too_many(self, client: bytes, host: str | None) -> bool:
        most = self._connections_per_client
        counted = self._counted.get(client, ())
        if most is None or len(counted) < most:
            return False
        address = believed_address(host, (), ())
        if address is None or not is_inner(address):
            return True
        # All clients behind a proxy would share one limit. So a connection stops counting once a proxy forwards another
        # client's request on it. Connections without a request, or with one of the address itself, count.
        passed_on = [connection for connection in counted if connection.claims_another_client()]
        if passed_on:
            self._warn_of_proxy(address)
            self._uncount(client, passed_on)
        return not passed_on

    def _uncount(self, client: bytes, connections: Iterable[Closable]) -> None:
        counted = self._counted[client]
        counted.difference_update(connections)
        if not counted:
            del self._counted[client]

    def _make_room(self) -> bool:
        """Close the connections that have been idle longest, or else those whose request has been arriving longest.

        Returns whether any was closed.
        """
        self._warn()
        waiting = [
            (it.has_begun(), since, number, it)
            for number, it in enumerate(self._clients)
            if (since := it.waiting_since()) is not None
        ]
        for *_, connection in nsmallest(1 + len(waiting) // CLOSED_AT_ONCE, waiting):
            connection.make_room()
        return bool(waiting)

    def _warn_of_proxy(self, address: Address) -> None:
        if time.monotonic() >= self._warn_of_proxy_again_at:
            self._warn_of_proxy_again_at = time.monotonic() + PROXY_WARNING_SECONDS
            logger.warning(
                "Connections of one in %s on which X-Forwarded-For comes are not limited: if it is your proxy, set "
                "MAIN_TRUSTED_PROXIES to its address",
                network_of(address),
            )

    def _warn(self) -> None:
        if time.monotonic() >= self._warn_again_at:
            self._warn_again_at = time.monotonic() + WARNING_SECONDS
            logger.warning(
                "Nearly all of the %s files that this process may open are open: "
                "the connections that have been idle longest are closed to let others in",
                self._allowed,
            )
