"""Limits how many names dry runs may check: as many as creates could, in the longest period that limits creates."""

from uuid import UUID

from main_service.engines.rate_limits import RateLimit, RateLimiter
from main_service.entries.create_limits import USER_FACTOR
from main_service.settings import Settings


class NameChecks:
    """Counts the names that a user checks by dry runs, which could otherwise be used to get around the scan limit."""

    def __init__(self, limiter: RateLimiter, settings: Settings) -> None:
        self._limiter = limiter
        # Not the shorter periods: a file with thousands of names is checked at once.
        longest = sorted(settings.limit_creates, key=lambda quota: quota.seconds)[-1:]
        self._quotas = tuple(quota.times(USER_FACTOR) for quota in longest)
        self._limit = RateLimit("name-checks", self._quotas, secret=settings.secret)

    async def may_ask(self, owner_id: UUID, count: int) -> bool:
        """Count this many names, all or none; False: the user has checked too many lately."""
        if not count:
            return True
        # A file with more names than the limit takes all of it.
        cost = min([count, *(quota.amount for quota in self._quotas)])
        return (await self._limiter.take(self._limit.counters(owner_id.bytes, cost=cost))).is_allowed
