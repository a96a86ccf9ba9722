"""Texts of pastes kept in memory. A text never changes under its `body_id`, so there is nothing to keep fresh."""

from collections import OrderedDict

LARGEST_BYTES = 64 * 1024
"""Of one text."""
CACHE_BYTES = 32 * 1024 * 1024
"""Of all, not counting about 200 bytes for each."""


class TextCache:
    """One per process. What has not been asked for longest makes room. Whether somebody may read it, others decide.

    A `body_id` is given by its 32 hexadecimal digits: a UUID is looked up five times slower than a text.
    """

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._texts: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, body_id: str) -> bytes | None:
        text = self._texts.get(body_id)
        if text is not None:
            self._texts.move_to_end(body_id)
        return text

    def put(self, body_id: str, text: bytes) -> None:
        """Keep the text, if it is not larger than `LARGEST_BYTES`."""
        if len(text) > LARGEST_BYTES or body_id in self._texts:
            return
        self._texts[body_id] = text
        self._bytes += len(text)
        while self._bytes > self._limit_bytes:
            _, dropped = self._texts.popitem(last=False)
            self._bytes -= len(dropped)
