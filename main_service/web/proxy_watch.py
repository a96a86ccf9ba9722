"""The address by which a client is limited, and a warning where a proxy hides the addresses of all clients.

Behind a proxy that MAIN_TRUSTED_PROXIES does not name, all clients come from one address. Limited by it, one of them
could lock out all others.
"""

import logging
from collections.abc import Sequence

from starlette.requests import HTTPConnection

from main_service.web.client_address import Address, Network, last_speaker

logger = logging.getLogger(__name__)

WARNING = (
    "Clients are not limited by address: X-Forwarded-For comes from a private address that MAIN_TRUSTED_PROXIES does "
    "not name. If it is your proxy, set MAIN_TRUSTED_PROXIES to its address."
)


class ProxyWatch:
    """One per process."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted_proxies = trusted_proxies
        self._was_public_proxy_seen = False
        self.warning: str | None = None
        """What the operator should know, for the health check. It names no address, because anybody may read that."""

    def limited_address(self, request: HTTPConnection) -> Address | None:
        """Whom to count a request for. None: its client can't be told from others, so it must not be limited."""
        host = request.client.host if request.client else None
        forwarded_for = request.headers.getlist("x-forwarded-for")
        address, claims_another = last_speaker(host, forwarded_for, self._trusted_proxies)
        if not claims_another:
            return address
        if address is not None and address.is_global:
            self._note_public_proxy(address)
            return address
        self._warn(address)
        return None

    def _warn(self, address: Address | None) -> None:
        if self.warning is None:
            self.warning = WARNING
            logger.warning("%s It is %s", WARNING, address or "a unix socket, so let it connect by TCP")

    def _note_public_proxy(self, address: Address) -> None:
        """Anybody on the internet may send the header, so this is no reason to warn."""
        if not self._was_public_proxy_seen:
            self._was_public_proxy_seen = True
            logger.info(
                "X-Forwarded-For from %s is ignored; if that is your proxy, name it in MAIN_TRUSTED_PROXIES", address
            )


def limited_address(request: HTTPConnection) -> Address | None:
    """The same, by the watch of the process."""
    watch: ProxyWatch = request.app.state.proxy_watch
    return watch.limited_address(request)
