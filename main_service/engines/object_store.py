"""The object store that keeps what is too large for a row: a folder, or an S3 bucket."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from main_service.errors import BodyStoreUnavailableError
from main_service.settings import Settings


def open_store(settings: Settings) -> tuple[LocalStore | S3Store, Path | None]:
    """The store, and the folder of a local one. It is at `settings.body_store_url`; nothing is sent yet.

    Raises:
        ValueError: S3 is meant and no credentials are found.
    """
    url = urlsplit(settings.body_store_url)
    if url.scheme == "file":
        folder = Path(unquote(url.path))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(folder), folder
    # It brings boto3 along, which is a tenth of a process's memory.
    from main_service.engines.s3 import open_bucket

    return open_bucket(settings), None


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, TimeoutError) as error:
        raise BodyStoreUnavailableError from error


def require_folder(folder: Path | None) -> None:
    """A local store would make its folder anew, or find that all is missing. `folder`: None for S3."""
    if folder is not None and not folder.is_dir():
        raise BodyStoreUnavailableError from NotADirectoryError(folder)


def sync_to_disk(folder: Path, path: str) -> None:
    """The local store renames a finished file into place but syncs nothing: sync the file and the folders above it."""
    file = folder / path
    for synced in (file, file.parent, folder):
        descriptor = os.open(synced, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
