"""Limits on what a client may create or change: entries, and bytes of texts and targets, per period.

A guest is counted by address, a user by account, whatever session or API token is used: so no token can create more
than its account.
"""

from uuid import UUID

from main_service.engines.rate_limits import NO_LIMIT, ClientAddress, RateLimit, RateLimiter, subject_of
from main_service.entries.errors import TooMuchCreatedError
from main_service.settings import Settings
from main_service.web.rate_limit_fields import RateLimitFields

USER_FACTOR = 10
"""How many times as much as a guest a user may create."""


class _Tier:
    """The limits of one group of clients: guests or users."""

    def __init__(self, settings: Settings, *, factor: int) -> None:
        creates = tuple(quota.times(factor) for quota in settings.limit_creates)
        sizes = tuple(quota.times(factor) for quota in settings.limit_bytes)
        self.creates = RateLimit("creates", creates, secret=settings.secret)
        self.sizes = RateLimit("bytes", sizes, secret=settings.secret, unit="content-bytes")
        self.of_link = RateLimitFields([self.creates])
        self.of_content = RateLimitFields([self.creates, self.sizes])


class Allowance:
    """Counts what the client of one request creates. Each method raises TooMuchCreatedError when a limit is reached."""

    def __init__(self, limiter: RateLimiter, tier: _Tier, subject: bytes | None) -> None:
        self._limiter = limiter
        self._tier = tier
        self._subject = subject
        self._fields = tier.of_link
        self._verdict = NO_LIMIT

    async def take_link(self) -> None:
        self._fields = self._tier.of_link
        self._verdict = await self._limiter.take(self._tier.creates.counters(self._subject))
        self._require_allowed()

    async def take_content(self, size_bytes: int) -> None:
        """Count a new paste, or a new text or target of an entry. `size_bytes`: its size in UTF-8."""
        sizes = self._tier.sizes.counters(self._subject, cost=size_bytes)
        counters = [*self._tier.creates.counters(self._subject), *sizes]
        self._fields = self._tier.of_content
        self._verdict = await self._limiter.take(counters)
        self._require_allowed()

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that say what is left, as ASGI takes them; empty if nothing was counted."""
        return self._fields.raw(self._verdict)

    def _require_allowed(self) -> None:
        verdict = self._verdict
        if not verdict.is_allowed:
            headers = self._fields.headers(verdict)
            raise TooMuchCreatedError(retry_after_seconds=verdict.retry_after_seconds, headers=headers)


class CreateLimits:
    """Makes the `Allowance` of each request. One per process."""

    def __init__(self, limiter: RateLimiter, settings: Settings) -> None:
        self._limiter = limiter
        self._guests = _Tier(settings, factor=1)
        self._users = _Tier(settings, factor=USER_FACTOR)

    def of(self, account_id: UUID | None, address: ClientAddress) -> Allowance:
        """What the client may still create. `account_id`: None for a guest, who is counted by address."""
        if account_id is not None:
            return Allowance(self._limiter, self._users, account_id.bytes)
        return Allowance(self._limiter, self._guests, subject_of(address))
