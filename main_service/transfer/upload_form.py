"""Reads the form that orders an import: a file, which is written to disk while it arrives, and options."""

import asyncio
import errno
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from uuid import UUID

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from main_service.errors import FieldError, InvalidInputError, StorageFullError
from main_service.transfer.errors import ImportTooLargeError
from main_service.transfer.files.temporary import path_of_open_file
from main_service.transfer.formats import ImportFormat
from main_service.transfer.upload_limit import upload_limit_of
from main_service.web.bodies.form import read_parameters

_MAX_FIELDS = 10
_TRUE = ("true", "yes", "1", "on")
_FALSE = ("", "false", "no", "0", "off")


@dataclass(frozen=True)
class Upload:
    """The form. `path`: the file, which exists until the request has been answered."""

    path: Path
    size_bytes: int
    name: str
    format: ImportFormat
    is_dry_run: bool

    async def digest(self) -> bytes:
        """SHA-256 of the file and options. Not of the body, whose boundary differs if the form is sent again."""
        return await asyncio.to_thread(self._digest)

    def _digest(self) -> bytes:
        with self.path.open("rb") as file:
            digest = file_digest(file, "sha256")
        digest.update(f"\n{self.format} {self.is_dry_run}".encode())
        return digest.digest()


@asynccontextmanager
async def read_upload(request: Request, owner_id: UUID, *, max_bytes: int) -> AsyncIterator[Upload]:
    """The form of a request of this user. `max_bytes`: the largest file.

    Raises:
        TooManyUploadsError: the user is sending too many files already.
        InvalidInputError: there is no file, it is empty, or a field is wrong.
        ImportTooLargeError: the file is too large.
        StorageFullError: there is no room for it where temporary files are.
    """
    media_type, _ = read_parameters(request.headers.get("content-type", ""))
    if media_type != b"multipart/form-data":
        raise InvalidInputError("Send the file in a form, as multipart/form-data.")
    with upload_limit_of(request).begin(owner_id):
        async with _read(request, max_bytes=max_bytes) as upload:
            yield upload


@asynccontextmanager
async def _read(request: Request, *, max_bytes: int) -> AsyncIterator[Upload]:
    try:
        with _refusing_when_full():
            form = await request.form(max_files=1, max_fields=_MAX_FIELDS)
    except HTTPException as error:
        if error.status_code == 400:
            raise InvalidInputError("The form can't be read.") from None
        if error.status_code == 413:
            raise ImportTooLargeError(max_bytes) from None
        raise
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.size:
            raise InvalidInputError(fields=[FieldError("file", "missing", "Choose a file that isn't empty.")])
        if file.size > max_bytes:
            raise ImportTooLargeError(max_bytes)
        file_format, is_dry_run = _format_of(form.get("format")), _is_dry_run(form.get("dry_run"))
        with _refusing_when_full():
            # A large file is on disk already; this makes no copy.
            path = path_of_open_file(file.file)
        yield Upload(path, file.size, file.filename or "", file_format, is_dry_run)
    finally:
        await form.close()


@contextmanager
def _refusing_when_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError from error
        raise


def _format_of(value: object) -> ImportFormat:
    try:
        return ImportFormat(str(value))
    except ValueError:
        formats = ", ".join(ImportFormat)
        message = f"Choose a format: {formats}."
        raise InvalidInputError(fields=[FieldError("format", "format_unknown", message)]) from None


def _is_dry_run(value: object) -> bool:
    word = str(value or "").lower()
    if word not in (*_TRUE, *_FALSE):
        raise InvalidInputError(fields=[FieldError("dry_run", "bool_parsing", "Give true or false.")])
    return word in _TRUE
