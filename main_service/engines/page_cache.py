"""Whole pages of pastes in memory, as they are sent. The tag of the cached entry tells whether a page is current."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

LARGEST_BYTES = 256 * 1024
"""The size of the largest page that is kept, as it is sent."""
TOO_LARGE = 2_000
"""How many pages are remembered as too large to be kept."""
CACHE_BYTES = 64 * 1024 * 1024
"""The size of all kept pages."""
OVERHEAD_BYTES = 600
"""What a page takes besides its body."""


@dataclass(frozen=True, slots=True)
class Page:
    tag: str
    """The tag of the entry as the page shows it: `entries.cache.page_tag`."""
    encoding: Literal["identity", "gzip", "zstd"]
    """The content coding of the body."""
    body: bytes
    for_search_engines: bool

    @property
    def size_bytes(self) -> int:
        return len(self.body) + OVERHEAD_BYTES


class PageCache:
    """Pages by entry and encoding, one cache per process. Entries that were least recently shown make room.

    Only pages that are the same for everyone belong here.
    """

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._pages: OrderedDict[str, dict[str, Page]] = OrderedDict()
        self.keys: Collection[str] = self._pages
        """The keys of entries with a page. Public, because a method would make every redirect slower."""
        self.size_bytes = 0
        self._too_large: OrderedDict[tuple[str, str], str] = OrderedDict()

    def get(self, key: str, encoding: str) -> Page | None:
        """The page that was put last, whether its tag is right or not."""
        pages = self._pages.get(key)
        if pages is None:
            return None
        self._pages.move_to_end(key)
        return pages.get(encoding)

    def put(self, key: str, page: Page) -> None:
        """Keep the page, if it is not larger than `LARGEST_BYTES`; those of the entry with another tag are dropped."""
        for other in tuple(self._pages.get(key, {}).values()):
            if other.tag != page.tag or other.encoding == page.encoding:
                self._drop_one(key, other)
        if len(page.body) > LARGEST_BYTES:
            self._too_large[key, page.encoding] = page.tag
            if len(self._too_large) > TOO_LARGE:
                self._too_large.popitem(last=False)
            return
        self._pages.setdefault(key, {})[page.encoding] = page
        self._pages.move_to_end(key)
        self.size_bytes += page.size_bytes
        while self.size_bytes > self._limit_bytes:
            _, dropped = self._pages.popitem(last=False)
            self.size_bytes -= sum(each.size_bytes for each in dropped.values())

    def is_too_large(self, key: str, encoding: str, *, tag: str) -> bool:
        """Whether the page with this tag was put, and was too large to be kept."""
        return self._too_large.get((key, encoding)) == tag

    def drop(self, key: str) -> None:
        """Drop the pages of an entry, which will never be shown again."""
        for page in self._pages.pop(key, {}).values():
            self.size_bytes -= page.size_bytes

    def _drop_one(self, key: str, page: Page) -> None:
        pages = self._pages[key]
        del pages[page.encoding]
        self.size_bytes -= page.size_bytes
        if not pages:
            del self._pages[key]
