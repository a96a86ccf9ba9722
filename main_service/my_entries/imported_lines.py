"""Figures that were imported, as lines of the archive: read so many at once that they fit into memory."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import date

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.postgres import Session
from main_service.visits import imported_figures

_ENTRIES_AT_ONCE = 100
"""Entries whose months are looked up at once; each has some hundred at most."""
_BYTES_AT_ONCE = 512 * 1024


async def read_imported(sessions: async_sessionmaker[Session], keys: Sequence[str]) -> AsyncIterator[list[str]]:
    """The lines of these entries, in the order of the keys, some at a time. No session is open while they are used."""
    for first in range(0, len(keys), _ENTRIES_AT_ONCE):
        async with sessions() as session:
            found = await imported_figures.list_sizes(session, keys[first : first + _ENTRIES_AT_ONCE])
        for months in _batches(found):
            async with sessions() as session:
                lines = await imported_figures.list_lines(session, months)
            yield lines


def _batches(sizes: Iterable[tuple[str, date, int]]) -> Iterator[list[tuple[str, date]]]:
    """Keys and months in lists that each have `_BYTES_AT_ONCE` of figures at most, or are of one month."""
    batch: list[tuple[str, date]] = []
    held_bytes = 0
    for key, month, size_bytes in sizes:
        if batch and held_bytes + size_bytes > _BYTES_AT_ONCE:
            yield batch
            batch, held_bytes = [], 0
        batch.append((key, month))
        held_bytes += size_bytes
    if batch:
        yield batch
