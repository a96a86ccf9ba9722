"""How many accounts a client may register, how many emails it may cause, and how many of them a recipient gets.

What a recipient gets of one kind is counted twice. `to_recipient` counts what one client causes, so clients use up
nothing of one another: a stranger can't keep an owner from setting a new password. `to_recipient_from_all` is
`FROM_ALL_FACTOR` times as much; it only bounds a flood from many addresses.
"""

from main_service.accounts.errors import TooManyEmailsError, TooManyRegistrationsError
from main_service.accounts.names import identity
from main_service.engines.rate_limits import Address, Counter, RateLimit, RateLimiter, subject_of
from main_service.settings import Settings
from main_service.web.rate_limit_fields import RateLimitFields

FROM_ALL_FACTOR = 10
"""With 5 emails a day from each client, one every 29 minutes from all of them together: more often than a link to set a
new password expires, so an owner who is refused because of strangers has one that still works."""


class EmailLimits:
    """One per process."""

    def __init__(self, limiter: RateLimiter, settings: Settings) -> None:
        secret = settings.secret.get_secret_value()
        self.limiter = limiter
        self.registrations = RateLimit("registrations", settings.limit_registrations, secret=secret)
        self.emails = RateLimit("emails", settings.limit_emails, secret=secret)
        per_client = settings.limit_emails_per_recipient
        from_all = tuple(quota.times(FROM_ALL_FACTOR) for quota in per_client)
        self.to_recipient = RateLimit("emails-to-recipient", per_client, secret=secret)
        self.to_recipient_from_all = RateLimit("emails-to-recipient-from-all", from_all, secret=secret)
        self.of_registration = RateLimitFields([self.registrations, self.emails])
        self.of_email = RateLimitFields([self.emails])
        self.of_recipient = RateLimitFields([self.to_recipient, self.to_recipient_from_all])
        self.of_recipient_from_all = RateLimitFields([self.to_recipient_from_all])

    def of(self, address: Address) -> "EmailAllowance":
        return EmailAllowance(self, address)


class EmailAllowance:
    """What the client of one request may still cause."""

    def __init__(self, limits: EmailLimits, address: Address) -> None:
        self._limits = limits
        self._subject = subject_of(address)

    async def take_registration(self) -> None:
        """An account, and the email that it causes.

        Raises:
            TooManyRegistrationsError: the client has registered too many, or caused too many emails.
        """
        limits = self._limits
        counters = [*limits.registrations.counters(self._subject), *limits.emails.counters(self._subject)]
        verdict = await limits.limiter.take(counters)
        if not verdict.is_allowed:
            raise TooManyRegistrationsError(
                retry_after_seconds=verdict.retry_after_seconds, headers=limits.of_registration.headers(verdict)
            )

    async def take_email(self) -> None:
        """An email, whether or not one will be sent: who is told of the limit learns nothing of the recipient.

        Raises:
            TooManyEmailsError: the client has caused too many.
        """
        verdict = await self._limits.limiter.take(self._limits.emails.counters(self._subject))
        if not verdict.is_allowed:
            raise TooManyEmailsError(
                retry_after_seconds=verdict.retry_after_seconds, headers=self._limits.of_email.headers(verdict)
            )

    async def require_room(self, recipient: str, letter: str) -> None:
        """Let pass an email of this kind that the recipient may still get.

        Raises:
            TooManyEmailsError: this client has caused too many of them, or all clients together far too many.
        """
        limits = self._limits
        verdict = await limits.limiter.look(self._to_recipient(recipient, letter))
        if not verdict.is_allowed:
            fields = limits.of_recipient_from_all if self._subject is None else limits.of_recipient
            raise TooManyEmailsError(retry_after_seconds=verdict.retry_after_seconds, headers=fields.headers(verdict))

    async def note_sent(self, recipient: str, letter: str) -> None:
        """Count an email that is sent, and none that is not: asking again and again costs nothing."""
        await self._limits.limiter.take(self._to_recipient(recipient, letter))

    def _to_recipient(self, email: str, letter: str) -> list[Counter]:
        """A client that can't be told from others is limited only together with all."""
        limits = self._limits
        recipient = f"{letter} {identity(email)}".encode()
        of_client = None if self._subject is None else self._subject + b" " + recipient
        return [*limits.to_recipient.counters(of_client), *limits.to_recipient_from_all.counters(recipient)]
