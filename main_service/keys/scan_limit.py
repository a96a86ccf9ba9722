"""The scan limit: how many unknown keys a client may ask for in a minute, so that keys can't be found by trying.

While Redis is away each process counts for itself.
"""

from pydantic import SecretStr

from main_service.engines.rate_limits import ClientAddress, RateLimit, RateLimiter, subject_of
from main_service.errors import TooManyUnknownKeysError
from main_service.settings.quotas import Quota


class ScanLimit:
    """Counts unknown keys by client address; one per process."""

    def __init__(self, limiter: RateLimiter, *, per_minute: int, secret: SecretStr) -> None:
        self._limiter = limiter
        self._per_minute = per_minute
        self._limit = RateLimit("unknown-keys", (Quota(per_minute, 60),), secret=secret)

    async def count(self, address: ClientAddress, number: int = 1) -> None:
        """Count unknown keys: those that don't exist, and those that this client may not see, without telling which.

        A list of more than the whole limit takes all of it.

        Raises:
            TooManyUnknownKeysError: the client has asked for too many.
        """
        cost = min(number, self._per_minute)
        verdict = await self._limiter.take(self._limit.counters(subject_of(address), cost=cost))
        if not verdict.is_allowed:
            raise TooManyUnknownKeysError(retry_after_seconds=verdict.retry_after_seconds)
