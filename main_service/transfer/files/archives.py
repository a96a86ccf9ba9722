"""Reads the files in an untrusted zip or tar archive one by one. Nothing goes to disk, and no name becomes a path."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path

from main_service.transfer.errors import SourceUnreadableError
from main_service.transfer.files.compressed import Readable, open_decompressed
from main_service.transfer.files.tar_members import BROKEN, MAX_NAME_CHARACTERS, BoundedMember
from main_service.transfer.records import SourceLimits

UNKNOWN_COMPRESSION = "This archive is packed in a way that can't be read. Use zip or tar.gz."
_CHUNK_BYTES = 256 * 1024
_DIRECTORY_ENTRY = b"PK\x01\x02"
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The compression methods that members of a zip may use. A few KB of bzip2 could become gigabytes in memory."""


@dataclass(frozen=True)
class ArchivedFile:
    """A file in an archive. `name`: the parts of its path, without empty ones and `.`. It is only shown."""

    name: tuple[str, ...]
    size_bytes: int
    """The size that the archive claims. Reading does not rely on it."""
    changed_at: datetime | None
    is_hostile: bool
    """Whether its name leads out of the archive, or it isn't an ordinary file."""
    read: Callable[[], bytes | None]
    """Its content; None: it is larger than the largest text. Call it before taking the next file.

    Raises:
        SourceUnreadableError: the archive is damaged, or holds more than it may.
    """

    @property
    def path(self) -> str:
        return "/".join(self.name)


class _Budget:
    """How many bytes of an archive may still be unpacked."""

    def __init__(self, limits: SourceLimits) -> None:
        self._left_bytes = limits.max_unpacked_bytes
        self._max_text_bytes = limits.max_text_bytes

    def read(self, file: Readable) -> bytes | None:
        """The content; None: it is larger than the largest text, of which no more is held in memory."""
        parts: list[bytes] = []
        size_bytes = 0
        while chunk := file.read(_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > self._max_text_bytes:
                return None
            parts.append(chunk)
        return b"".join(parts)

    def take(self, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise SourceUnreadableError("This archive is too large once it is unpacked.")


class _CountingReader:
    """Counts all bytes that are unpacked, including those of files that are skipped."""

    def __init__(self, file: Readable, budget: _Budget) -> None:
        self._file = file
        self._budget = budget

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self._budget.take(len(content))
        return content


def read_archive(path: Path, limits: SourceLimits) -> Iterator[ArchivedFile]:
    """The files of a zip, or of a tar that is plain or packed by gzip, bzip2 or xz, in the archive's order.

    Raises:
        SourceUnreadableError: it is neither, is damaged, or holds more than it may.
    """
    budget = _Budget(limits)
    with _translating_errors():
        if zipfile.is_zipfile(path):
            yield from _files_of_zip(path, budget, limits)
        else:
            yield from _files_of_tar(path, budget, limits)


def open_zip(path: Path, limits: SourceLimits) -> zipfile.ZipFile:
    """Open a zip. Its directory becomes objects at once, so that the members are counted before.

    Raises:
        SourceUnreadableError: it has too many.
        zipfile.BadZipFile: it isn't a zip.
        NotImplementedError: a member is packed in another way than by DEFLATE, the only one that the library unpacks
            piece by piece. LZMA also takes as much memory as the member says.
    """
    if not zipfile.is_zipfile(path):
        raise zipfile.BadZipFile
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        count = position = 0
        while (position := content.find(_DIRECTORY_ENTRY, position) + 1) > 0:
            count += 1
            _require_few(count, limits)
    archive = zipfile.ZipFile(path)
    if any(member.compress_type not in _BOUNDED for member in archive.infolist()):
        archive.close()
        raise NotImplementedError
    return archive


def _files_of_zip(path: Path, budget: _Budget, limits: SourceLimits) -> Iterator[ArchivedFile]:
    with open_zip(path, limits) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue

            def read(member: zipfile.ZipInfo = member) -> bytes | None:
                with _translating_errors(), archive.open(member) as file:
                    return budget.read(_CountingReader(file, budget))

            name, leads_out = _parts(member.filename)
            # Archives made on Unix have the file mode in the upper half. Links are refused.
            is_link = (member.external_attr >> 28) == 0o12
            changed_at = _zip_time(member)
            yield ArchivedFile(name, member.file_size, changed_at, leads_out or is_link, read)


def _files_of_tar(path: Path, budget: _Budget, limits: SourceLimits) -> Iterator[ArchivedFile]:
    # As a stream, so that each byte of a compressed archive is unpacked only once.
    with (
        open_decompressed(path) as unpacked,
        tarfile.open(
            fileobj=_CountingReader(unpacked, budget),  # type: ignore[call-overload]
            mode="r|",
            tarinfo=BoundedMember,
        ) as archive,
    ):
        count = 0
        while (member := archive.next()) is not None:
            # Otherwise the library would keep the headers of all members that it has read.
            archive.members.clear()
            archive.pax_headers.clear()
            count += 1
            _require_few(count, limits)
            if member.isdir():
                continue
            if not member.isfile():
                yield ArchivedFile(_parts(member.name)[0], 0, None, is_hostile=True, read=lambda: None)
                continue

            def read(member: tarfile.TarInfo = member) -> bytes | None:
                file = archive.extractfile(member)
                with _translating_errors():
                    return None if file is None else budget.read(file)

            name, leads_out = _parts(member.name)
            yield ArchivedFile(name, member.size, _tar_time(member), leads_out, read)


def _require_few(count: int, limits: SourceLimits) -> None:
    if count > 2 * limits.max_records:
        raise SourceUnreadableError("This archive holds too many files.")


def _parts(name: str) -> tuple[tuple[str, ...], bool]:
    """The parts of a name, and whether it leads out of the archive."""
    plain = name.replace("\\", "/")
    parts = plain.split("/")
    leads_out = plain.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in plain
    return tuple(part for part in parts if part not in ("", ".")), leads_out or len(name) > MAX_NAME_CHARACTERS


def _zip_time(member: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*member.date_time, tzinfo=UTC)
    except ValueError:
        return None


def _tar_time(member: tarfile.TarInfo) -> datetime | None:
    try:
        return datetime.fromtimestamp(member.mtime, UTC) if member.mtime > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


@contextmanager
def _translating_errors() -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise SourceUnreadableError(UNKNOWN_COMPRESSION) from error
    except RecursionError as error:
        # Caused by a long chain of headers without a file.
        raise SourceUnreadableError(BROKEN) from error
    except RuntimeError as error:
        # This is how the library reports a password.
        raise SourceUnreadableError("This archive needs a password.") from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise SourceUnreadableError(BROKEN) from error
