"""The object store, a folder or an S3 bucket, for what is too large for a row."""

import asyncio
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from main_service.errors import BodyStoreUnavailableError, NoCredentialsError
from main_service.monitoring import tracing
from main_service.monitoring.metrics import PART_FAILURES
from main_service.monitoring.tallies import PART_CALLS

PART_BYTES = 5 * 1024 * 1024
"""The smallest part of a larger upload that S3 takes."""
PARTS_AT_ONCE = 2


_MORE_IS_MISSING = re.compile(r"<Code>(?:NoSuchBucket|XAdminUserNotFound)</Code>")
"""What S3 servers say with 404, too, when the bucket is gone, or the access key unknown (versitygw)."""


class ObjectMissingError(LookupError):
    """Nothing is stored at this path."""


class ObjectStore:
    """The folder or bucket at an address, opened when first used. Threads and event loops may share one.

    Raises:
        BodyStoreUnavailableError: from every coroutine, when the store is away, refuses or is full.
        ObjectMissingError: from `get`, `get_range` and `size_bytes`, when nothing is at the path.
    """

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

    async def put(self, path: str, source: bytes | Path) -> None:
        """Keep a copy of bytes or a file; when this returns it outlives a power cut. A few parts are in memory."""
        with _calling(), tracing.span("put object"):
            self._require_folder()
            await obstore.put_async(
                self.open(),
                path,
                source,
                use_multipart=False if isinstance(source, bytes) else None,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
            if self.folder is not None:
                await asyncio.to_thread(_sync_to_disk, self.folder, path)

    async def get(self, path: str) -> bytes:
        """The whole object at `path`."""
        with self._reading(path), tracing.span("get object"):
            return bytes(await (await obstore.get_async(self.open(), path)).bytes_async())

    async def get_range(self, path: str, *, start: int, end: int) -> bytes:
        """What is at `path`, from byte `start` up to byte `end`."""
        with self._reading(path), tracing.span("get object range"):
            return bytes(await obstore.get_range_async(self.open(), path, start=start, end=end))

    async def size_bytes(self, path: str) -> int:
        """How many bytes are at `path`."""
        with self._reading(path), tracing.span("head object"):
            return (await obstore.head_async(self.open(), path))["size"]

    async def delete(self, paths: Sequence[str]) -> None:
        """Delete what is at these paths; what is missing counts as deleted."""
        with _calling(), tracing.span("delete objects"):
            self._require_folder()
            if not paths:
                return
            if self.folder is None:
                await obstore.delete_async(self.open(), paths)
                return
            # The local store's bulk delete raises if one file is missing, so each is deleted by itself.
            deletions = (obstore.delete_async(self.open(), path) for path in paths)
            for outcome in await asyncio.gather(*deletions, return_exceptions=True):
                if isinstance(outcome, BaseException) and not isinstance(outcome, FileNotFoundError):
                    raise outcome

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        with _calling():
            try:
                yield
            except FileNotFoundError as error:
                self._require_folder()
                if _MORE_IS_MISSING.search(str(error)):
                    raise
                raise ObjectMissingError(path) from error

    def _require_folder(self) -> None:
        """Raise OSError if the folder is gone: a local store would create it again, or report everything as missing."""
        if self.folder is not None and not self.folder.is_dir():
            raise NotADirectoryError(self.folder)

    def _make_client(self) -> LocalStore | S3Store:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return LocalStore(self.folder)
        # Imports boto3, which is a tenth of a process's memory.
        from main_service.engines.s3 import open_bucket

        return open_bucket(self._url, endpoint=self._endpoint, region=self._region)


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, TimeoutError, NoCredentialsError) as error:
        PART_FAILURES.labels("text_store").inc()
        raise BodyStoreUnavailableError(str(error) if isinstance(error, NoCredentialsError) else None) from error


@contextmanager
def _calling() -> Iterator[None]:
    """A call of the store, which is timed."""
    began_at = time.perf_counter()
    try:
        with translated_errors():
            yield
    finally:
        PART_CALLS["text_store"].add(time.perf_counter() - began_at)


def _sync_to_disk(folder: Path, path: str) -> None:
    """Sync a file and the folders above it: the local store renames a finished file into place but syncs nothing."""
    file = folder / path
    for synced in (file, file.parent, folder):
        descriptor = os.open(synced, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
