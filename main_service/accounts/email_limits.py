"""How many accounts a client may register, how many emails it may cause, and how many a recipient gets."""

from main_service.accounts.errors import TooManyEmailsError, TooManyRegistrationsError
from main_service.accounts.names import identity
from main_service.engines.rate_limits import Address, RateLimit, RateLimiter, subject_of
from main_service.settings import Settings
from main_service.web.rate_limit_fields import RateLimitFields


class EmailLimits:
    """One per process."""

    def __init__(self, limiter: RateLimiter, settings: Settings) -> None:
        secret = settings.secret.get_secret_value()
        self.limiter = limiter
        self.registrations = RateLimit("registrations", settings.limit_registrations, secret=secret)
        self.emails = RateLimit("emails", settings.limit_emails, secret=secret)
        self.to_recipient = RateLimit("emails-to-recipient", settings.limit_emails_per_recipient, secret=secret)
        self.of_registration = RateLimitFields([self.registrations, self.emails])
        self.of_email = RateLimitFields([self.emails])
        self.of_recipient = RateLimitFields([self.to_recipient])

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
            TooManyEmailsError: it has had too many of them, caused by anybody.
        """
        counters = self._limits.to_recipient.counters(_recipient(recipient, letter))
        verdict = await self._limits.limiter.look(counters)
        if not verdict.is_allowed:
            raise TooManyEmailsError(
                retry_after_seconds=verdict.retry_after_seconds, headers=self._limits.of_recipient.headers(verdict)
            )

    async def note_sent(self, recipient: str, letter: str) -> None:
        """Count an email that is sent, and none that is not: else asking again and again would keep others away."""
        await self._limits.limiter.take(self._limits.to_recipient.counters(_recipient(recipient, letter)))


def _recipient(email: str, letter: str) -> bytes:
    return f"{letter} {identity(email)}".encode()
