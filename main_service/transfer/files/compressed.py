"""Decompresses gzip, bzip2 and xz in bounded memory, whatever a file claims to need."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from main_service.transfer.errors import SourceUnreadableError

MAX_DICTIONARY_BYTES = 128 * 1024 * 1024
"""The most memory for decompressing xz. `xz -9` needs half of it; a file may ask for 4 GiB."""
_READ_BYTES = 64 * 1024
_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
_XZ = b"\xfd7zXZ\0"
_LZMA = b"\x5d\0\0"


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Decompressed:
    """The content of a compressed file. Files that were concatenated count as one."""

    def __init__(self, file: Readable, new_decompressor: Callable[[], _Decompressor]) -> None:
        self._file = file
        self._new_decompressor = new_decompressor
        self._decompressor = new_decompressor()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size` of them and at least one; none at the end."""
        while True:
            given = b""
            if self._decompressor.eof:
                given = (self._decompressor.unused_data or self._file.read(_READ_BYTES)).lstrip(b"\0")
                if not given:
                    return b""
                self._decompressor = self._new_decompressor()
            elif self._decompressor.needs_input:
                given = self._file.read(_READ_BYTES)
                if not given:
                    raise EOFError("the packed file was cut off")
            if unpacked := self._unpack(given, size):
                return unpacked

    def _unpack(self, given: bytes, size: int) -> bytes:
        try:
            return self._decompressor.decompress(given, size)
        except lzma.LZMAError as error:
            if "memory" not in str(error).lower():
                raise
            raise SourceUnreadableError(
                "This archive takes too much memory to unpack. Pack it again with `xz -9` or less, or as tar.gz."
            ) from error


@contextmanager
def open_decompressed(path: Path) -> Iterator[Readable]:
    """The content of a file compressed by gzip, bzip2 or xz; of any other file, the file itself."""
    with path.open("rb") as file:
        start = file.read(len(_XZ))
        file.seek(0)
        if start.startswith(_GZIP):
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
        elif start.startswith(_BZIP2):
            yield _Decompressed(file, bz2.BZ2Decompressor)
        elif start.startswith((_XZ, _LZMA)):
            yield _Decompressed(file, lambda: lzma.LZMADecompressor(memlimit=MAX_DICTIONARY_BYTES))
        else:
            yield file
