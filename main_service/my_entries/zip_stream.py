"""A zip archive that is written while it is sent: nothing of it is kept but its directory.

The standard library can write to an unseekable file, and the caller pushes data into it. Libraries for streamed zips
pull instead, which would occupy a thread for as long as the client takes.
"""

import asyncio
import zipfile
from collections.abc import AsyncGenerator, AsyncIterable
from datetime import datetime

CHUNK_BYTES = 64 * 1024
"""Chunks of the archive have about this size. More is compressed in a thread, while others are answered."""
_LEVEL = 3
"""An eighth larger than with the usual 6, in less than half the time."""


class _Sink:
    """Takes what is written, until it is taken out. It can't seek, so sizes and checksums follow each member."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self.size_bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def take(self) -> bytes:
        taken, self._parts, self.size_bytes = b"".join(self._parts), [], 0
        return taken


class ZipStream:
    """Writes members one after the other; each method yields what can be sent. `close` makes the archive whole."""

    def __init__(self, *, made_at: datetime) -> None:
        """`made_at`: the time of all members."""
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(self._sink, "w")  # type: ignore[call-overload]
        self._date_time = made_at.timetuple()[:6]

    async def add(self, name: str, chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
        """Add a member of unknown length."""
        member = zipfile.ZipInfo(name, self._date_time)
        member.compress_type, member._compresslevel = zipfile.ZIP_DEFLATED, _LEVEL  # type: ignore[attr-defined]
        # 64-bit sizes from the start, because the size is known only at the end.
        with self._archive.open(member, "w", force_zip64=True) as file:
            async for chunk in chunks:
                if len(chunk) < CHUNK_BYTES:
                    file.write(chunk)
                else:
                    await asyncio.to_thread(file.write, chunk)
                if self._sink.size_bytes >= CHUNK_BYTES:
                    yield self._sink.take()

    def close(self) -> bytes:
        """The rest of the archive, with its directory."""
        self._archive.close()
        return self._sink.take()
