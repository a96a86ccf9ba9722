"""What all connections of a process share: its descriptors, its memory for answers, and how many a client may have."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Protocol

from main_service.engines.rate_limits import subject_of
from main_service.http_server.error_responses import NO_ROOM, TOO_MANY_CONNECTIONS, Refusal
from main_service.http_server.unsent import UnsentAnswers
from main_service.monitoring.descriptors import allowed_descriptors
from main_service.monitoring.metrics import CONNECTIONS
from main_service.web.client_address import Address, Network, believed_address, is_inner, is_trusted, network_of

logger = logging.getLogger(__name__)

RESERVE = 128
"""Descriptors that connections of clients leave free, for those to the engines and for files; a quarter at most."""

CLOSED_AT_ONCE = 64
"""One connection of so many is closed to make room, so that looking for the longest idle ones is a rare thing."""

WARNING_SECONDS = 60
PROXY_WARNING_SECONDS = 3_600


class Closable(Protocol):
    """A connection, as far as its place can be given to another."""

    def waiting_since(self) -> float | None: ...
    def has_begun(self) -> bool: ...
    def claims_another_client(self) -> bool: ...
    def make_room(self) -> None: ...


class ProcessLimits:
    """One per process. `connections_per_client`: of an address (IPv6: its /64) that is no trusted proxy; None: any."""

    def __init__(self, *, connections_per_client: int | None, trusted_proxies: Sequence[Network]) -> None:
        self.unsent = UnsentAnswers(time.monotonic)
        self._connections_per_client = connections_per_client
        self._trusted_proxies = trusted_proxies
        self._clients: dict[Closable, bytes | None] = {}
        """Of each open connection; None: it is not counted for anybody."""
        self._counted: defaultdict[bytes, set[Closable]] = defaultdict(set)
        """Of each client, those of its open connections that count."""
        self._allowed = allowed_descriptors()
        self._last_free = self._allowed - min(RESERVE, self._allowed // 4)
        self._warn_again_at = self._warn_of_proxy_again_at = 0.0

    def admit(self, connection: Closable, *, host: str | None, descriptor: int) -> Refusal | None:
        """Count a new connection of `host` (None: of a unix socket); or the refusal that it is to be closed with.

        `descriptor`: its number, below which all are in use, because the system gives the lowest one that is free.
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
        """Whose connection it is; None: that can't be told, or it is not counted for anybody."""
        return self._clients.get(connection)

    def dismiss(self, connection: Closable) -> None:
        """It is closed; or it was never admitted."""
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
        # Behind a proxy all the world would share one limit. So a connection on which a proxy passes on a request of
        # somebody else counts no more; those on which nothing has come, or what the client asks itself, still do.
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
        """Close those that have been idle longest, and if there are none, the longest of those that send a request."""
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
