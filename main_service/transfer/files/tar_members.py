"""Members of an untrusted tar. Their headers must be small, and are checked before the library reads them."""

import re
import tarfile
from typing import Any, Self

from main_service.transfer.errors import SourceUnreadableError

MAX_NAME_CHARACTERS = 1_000
BROKEN = "This file isn't a zip or tar archive, or it is damaged."
_MAX_HEADER_BYTES = 256 * 1024
_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_SPARSE = "This archive has a sparse file, or a name that is far too long. Pack the files in another way."
_FACTS = (b"path", b"size", b"mtime")
"""The records of a pax header that are read."""
_MAX_FACT_BYTES = 4 * MAX_NAME_CHARACTERS
_FACT_LENGTH = re.compile(rb"([0-9]{1,7}) ")
_LONG_NUMBER = re.compile(rb"[0-9]{64}")


class BoundedMember(tarfile.TarInfo):
    """A member of a tar with small headers. The library would read each header as a whole, however long it claims to
    be, and keeps a list of the parts of a sparse file.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        is_header = member.type in _HEADERS and member.size > _MAX_HEADER_BYTES
        if is_header or member.type == tarfile.GNUTYPE_SPARSE:
            raise SourceUnreadableError(_SPARSE)
        return member

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Let the library read only the checked records of a pax header that matter.

        Before Python 3.11.10 it takes minutes for 256 KB of digits, and gigabytes of memory for as much of records that
        overlap.
        """
        stream: Any = archive.fileobj
        facts = _facts_of(stream.read(self._block(self.size)))  # type: ignore[attr-defined]
        archive.fileobj = _PutBack(facts, stream)  # type: ignore[assignment]
        try:
            member: tarfile.TarInfo = super()._proc_pax(archive)  # type: ignore[misc]
        finally:
            archive.fileobj = stream
        return member


class _PutBack:
    """A stream that first returns bytes that were already read from it, or replacements for them."""

    def __init__(self, content: bytes, stream: Any) -> None:
        self._content: bytes | None = content
        self._stream = stream

    def read(self, size: int) -> bytes:
        if self._content is not None:
            content, self._content = self._content, None
            return content
        read: bytes = self._stream.read(size)
        return read

    def tell(self) -> int:
        position: int = self._stream.tell()
        return position


def _facts_of(header: bytes) -> bytes:
    """The records of a pax header that are read, one after the other.

    Raises:
        SourceUnreadableError: it isn't made of records, or belongs to a sparse file or to a name that is far too long.
    """
    facts: list[bytes] = []
    position = 0
    while length := _FACT_LENGTH.match(header, position):
        end = position + int(length[1])
        name, equals, value = header[length.end() : end].partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise SourceUnreadableError(BROKEN)
        is_read = name in _FACTS
        is_far_too_long = is_read and (len(value) > _MAX_FACT_BYTES or _LONG_NUMBER.search(value))
        if name.startswith(b"GNU.sparse.") or is_far_too_long:
            raise SourceUnreadableError(_SPARSE)
        if is_read:
            facts.append(header[position:end])
        position = end
    return b"".join(facts)
