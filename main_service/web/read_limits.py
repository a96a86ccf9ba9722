"""Limits of expensive reads: statistics, exports of all entries, and texts in languages that readers choose."""

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from main_service.engines.rate_limits import RateLimit, RateLimiter, subject_of
from main_service.errors import TooManyRequestsError
from main_service.settings import Settings
from main_service.settings.quotas import Quotas
from main_service.web.proxy_watch import limited_address
from main_service.web.rate_limit_fields import RateLimitFields


class ReadLimit:
    """A limit of requests per client address."""

    def __init__(self, limiter: RateLimiter, purpose: str, quotas: Quotas, *, secret: SecretStr) -> None:
        self._limiter = limiter
        self._limit = RateLimit(purpose, quotas, secret=secret)
        self._fields = RateLimitFields([self._limit])

    async def take(self, request: HTTPConnection, *, cost: int = 1) -> None:
        """Count a request of the client. `cost`: how many requests it counts as; at most the whole limit.

        Raises:
            TooManyRequestsError: the client has made too many.
        """
        cost = min([cost, *(quota.amount for quota in self._limit.quotas)])
        verdict = await self._limiter.take(self._limit.counters(subject_of(limited_address(request)), cost=cost))
        if not verdict.is_allowed:
            raise TooManyRequestsError(
                retry_after_seconds=verdict.retry_after_seconds, headers=self._fields.headers(verdict)
            )


class ReadLimits:
    """The limits of a process. Made once."""

    def __init__(self, limiter: RateLimiter, settings: Settings) -> None:
        self.statistics = ReadLimit(limiter, "statistics", settings.limit_statistics, secret=settings.secret)
        self.renderings = ReadLimit(limiter, "renderings", settings.limit_renderings, secret=settings.secret)
        self.exports = ReadLimit(limiter, "exports", settings.limit_exports, secret=settings.secret)


def read_limits_of(request: HTTPConnection) -> ReadLimits:
    limits: ReadLimits = request.app.state.read_limits
    return limits
