"""Limits how many searches of one user run at the same time, so that others find connections to PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from main_service.errors import AppError

_running: Counter[UUID] = Counter()
"""The searches of each user that run in this process."""


class TooManySearchesError(AppError, status=429, code="too_many_searches"):
    message = "Several of your searches are still running. Wait for them, then try again."
    headers = {"Retry-After": "1"}


@contextmanager
def search_of(owner_id: UUID, *, most: int) -> Iterator[None]:
    """Count a search while it runs. One in an account of 100,000 entries takes a fifth of a second.

    Raises:
        TooManySearchesError: `most` searches of this user run already.
    """
    if _running[owner_id] >= most:
        raise TooManySearchesError
    _running[owner_id] += 1
    try:
        yield
    finally:
        _running[owner_id] -= 1
        if not _running[owner_id]:
            del _running[owner_id]
