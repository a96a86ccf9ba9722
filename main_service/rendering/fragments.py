"""Rendered texts that are kept in memory, for readers whose pages can't be kept as a whole: those who are signed in."""

from collections import OrderedDict
from collections.abc import Hashable

from main_service.rendering.job import Rendered

KEPT_BYTES = 32 * 1024 * 1024
"""The size of all that is kept, compressed, not counting some 500 bytes for each."""


class FragmentCache:
    """Fragments by what they are of, of which the least recently used make room; one per process.

    It does not check permissions. A text never changes under its id, so fragments are never stale, and once its entry
    is gone they are not requested again.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[Hashable, Rendered] = OrderedDict()
        self._bytes = 0

    def get(self, identity: Hashable) -> Rendered | None:
        kept = self._kept.get(identity)
        if kept is not None:
            self._kept.move_to_end(identity)
        return kept

    def put(self, identity: Hashable, rendered: Rendered) -> None:
        """Keep it, unless it would fill a quarter of the cache alone."""
        size = len(rendered.content)
        if size > self._limit_bytes // 4 or identity in self._kept:
            return
        self._kept[identity] = rendered
        self._bytes += size
        while self._bytes > self._limit_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped.content)
