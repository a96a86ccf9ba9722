"""The object store that keeps what is too large for a row: a folder, or an S3 bucket."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from main_service.errors import BodyStoreUnavailableError, NoCredentialsError


class ObjectStore:
    """The folder or bucket at an address. One is enough for a process: threads and event loops may share it."""

    def __init__(self, url: str, *, endpoint: str | None, region: str) -> None:
        """Nothing is opened yet.

        url: `file:///FOLDER` or `s3://BUCKET/PREFIX`.
        endpoint: address of the S3 server; None for Amazon's.
        region: of the bucket.
        """
        self._url = url
        self._endpoint = endpoint
        self._region = region
        parts = urlsplit(url)
        self.folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        """Where a local store keeps its files; None for S3."""
        self._client: LocalStore | S3Store | None = None
        self._opening = Lock()

    def open(self) -> LocalStore | S3Store:
        """The client of the store, made at the first call: credentials are looked up, but nothing is sent yet.

        Raises:
            NoCredentialsError: S3 is meant and no credentials are found. The next call looks again.
        """
        with self._opening:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    @property
    def client(self) -> LocalStore | S3Store:
        """As `open`, for use by a process that started without opening it.

        Raises:
            BodyStoreUnavailableError: no credentials are found.
        """
        try:
            return self.open()
        except NoCredentialsError as error:
            raise BodyStoreUnavailableError(str(error)) from error

    def _make_client(self) -> LocalStore | S3Store:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return LocalStore(self.folder)
        # It brings boto3 along, which is a tenth of a process's memory.
        from main_service.engines.s3 import open_bucket

        return open_bucket(self._url, endpoint=self._endpoint, region=self._region)


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
