"""Limits how many files to import a user sends at the same time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from fastapi import Request

from main_service.transfer.errors import TooManyUploadsError

MAX_AT_ONCE = 2
"""Files of one user at a time. Two, so that a client can retry before we notice that its connection was lost."""


class UploadLimit:
    """Counts the files that are arriving. One per process."""

    def __init__(self) -> None:
        self._by_owner: Counter[UUID] = Counter()

    @contextmanager
    def begin(self, owner_id: UUID) -> Iterator[None]:
        """Count a file of this user while it arrives.

        Raises:
            TooManyUploadsError: the user is sending `MAX_AT_ONCE` files already.
        """
        if self._by_owner[owner_id] >= MAX_AT_ONCE:
            raise TooManyUploadsError
        self._by_owner[owner_id] += 1
        try:
            yield
        finally:
            self._by_owner[owner_id] -= 1
            if not self._by_owner[owner_id]:
                del self._by_owner[owner_id]


def upload_limit_of(request: Request) -> UploadLimit:
    limit: UploadLimit = request.app.state.upload_limit
    return limit
