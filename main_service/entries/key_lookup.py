"""Looks keys up for a client, and counts those for which there is nothing, or nothing that the client may see."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from main_service.engines.rate_limits import Address
from main_service.entries.aliases import is_key
from main_service.errors import NotFoundError
from main_service.keys.scan_limit import UnknownKeyLimit

Found = TypeVar("Found")


class KeyLookup:
    """One per request. Every service that is given a key by a client asks here, so that none passes the limit by."""

    def __init__(self, limit: UnknownKeyLimit, address: Address) -> None:
        """`address`: of the client; None: it can't be told from others."""
        self._limit = limit
        self._address = address

    async def look_up(self, key: str, find: Callable[[str], Awaitable[Found]]) -> Found:
        """What `find` makes of the key. It raises NotFoundError for a key that is unknown to the client.

        Raises:
            NotFoundError: the key is unknown to the client, or can be no key at all.
            TooManyUnknownKeysError: it is unknown, and the client has asked for too many such keys.
        """
        if not is_key(key):
            raise NotFoundError
        try:
            return await find(key)
        except NotFoundError:
            await self.count_unknown(1)
            raise

    async def count_unknown(self, number: int) -> None:
        """Count keys of a list, of which the client learns which are unknown to it.

        Raises:
            TooManyUnknownKeysError: the client has asked for too many.
        """
        if number:
            await self._limit.count(self._address, number)
