"""The emails of accounts: what is sent with which link, and how many. Their words are in `templates/mail`.

The emails of one kind to one recipient are counted twice. `to_recipient` counts those that one client causes, so that
a stranger can't keep an owner from setting a new password. `to_recipient_from_all` counts all of them, allows
`FROM_ALL_FACTOR` times as many, and only stops a flood from many addresses.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from main_service.accounts.credential_rules import identity
from main_service.accounts.errors import EmailUndeliverableError, TooManyEmailsError, TooManyRegistrationsError
from main_service.accounts.models import Account
from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.engines.postgres import Session
from main_service.engines.rate_limits import ClientAddress, Counter, RateLimit, RateLimiter, subject_of
from main_service.mail import outbox
from main_service.mail.recipients import Recipients
from main_service.settings import Settings
from main_service.web.rate_limit_fields import RateLimitFields

FROM_ALL_FACTOR = 10
"""With 5 emails a day from each client, one every 29 minutes from all of them together: more often than a link to set a
new password expires, so an owner who is refused because of strangers has one that still works."""


class EmailLimits:
    """How often a client may register, and cause emails. One per process."""

    def __init__(self, limiter: RateLimiter, settings: Settings) -> None:
        self.limiter = limiter
        self.registrations = RateLimit("registrations", settings.limit_registrations, secret=settings.secret)
        self.emails = RateLimit("emails", settings.limit_emails, secret=settings.secret)
        per_client = settings.limit_emails_per_recipient
        from_all = tuple(quota.times(FROM_ALL_FACTOR) for quota in per_client)
        self.to_recipient = RateLimit("emails-to-recipient", per_client, secret=settings.secret)
        self.to_recipient_from_all = RateLimit("emails-to-recipient-from-all", from_all, secret=settings.secret)
        self.of_registration = RateLimitFields([self.registrations, self.emails])
        self.of_email = RateLimitFields([self.emails])
        self.of_recipient = RateLimitFields([self.to_recipient, self.to_recipient_from_all])
        self.of_recipient_from_all = RateLimitFields([self.to_recipient_from_all])

    def of(self, address: ClientAddress) -> "EmailAllowance":
        """What the client at `address` may do. None: it is not known, and only emails to one recipient are limited."""
        return EmailAllowance(self, address)


class EmailAllowance:
    """How much the client of a request may still register and cause to be sent."""

    def __init__(self, limits: EmailLimits, address: ClientAddress) -> None:
        self._limits = limits
        self._subject = subject_of(address)

    async def take_registration(self) -> None:
        """Count a registration, and the email that it causes.

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
        """Count a request for an email, whether or not one is sent: its limit must tell nothing about the recipient.

        Raises:
            TooManyEmailsError: the client has caused too many.
        """
        verdict = await self._limits.limiter.take(self._limits.emails.counters(self._subject))
        if not verdict.is_allowed:
            raise TooManyEmailsError(
                retry_after_seconds=verdict.retry_after_seconds, headers=self._limits.of_email.headers(verdict)
            )

    async def require_room(self, recipient: str, template: str) -> None:
        """Return if the recipient may still get an email of this template.

        Raises:
            TooManyEmailsError: this client has caused too many of them, or all clients together far too many.
        """
        limits = self._limits
        verdict = await limits.limiter.look(self._to_recipient(recipient, template))
        if not verdict.is_allowed:
            fields = limits.of_recipient_from_all if self._subject is None else limits.of_recipient
            raise TooManyEmailsError(retry_after_seconds=verdict.retry_after_seconds, headers=fields.headers(verdict))

    async def note_sent(self, recipient: str, template: str) -> None:
        """Count an email that is sent. One that is not sent is not counted, so asking again and again costs nothing."""
        await self._limits.limiter.take(self._to_recipient(recipient, template))

    def _to_recipient(self, email: str, template: str) -> list[Counter]:
        """The counters of an email. A client that can't be told from others has none of its own."""
        limits = self._limits
        recipient = f"{template} {identity(email)}".encode()
        of_client = None if self._subject is None else self._subject + b" " + recipient
        return [*limits.to_recipient.counters(of_client), *limits.to_recipient_from_all.counters(recipient)]


CONFIRM_LIFETIME = timedelta(hours=24)
RESET_LIFETIME = timedelta(hours=1)
RESEND_INTERVAL = timedelta(minutes=5)
"""In this time at most one email of a kind, about the same thing, is sent: asking again can't fill an inbox."""
AT_MAX_ONE = "We send at most one every five minutes and a few a day, so also look for an earlier one."
"""A sentence for answers that must not reveal whether an account exists, and so not whether an email was sent."""


class AccountEmails:
    """Writes the emails of accounts to the outbox, in the transaction of `session`."""

    def __init__(
        self, *, session: Session, links: SignedLinks, allowance: EmailAllowance, recipients: Recipients
    ) -> None:
        self.links = links
        self.allowance = allowance
        self._session = session
        self._recipients = recipients

    async def require_deliverable(self, email: str) -> None:
        """Return, unless the mail server is known to be unable to send to the address.

        Raises:
            EmailUndeliverableError: it is.
        """
        if not await self._recipients.can_be_sent_to(email):
            raise EmailUndeliverableError

    async def send_confirmation(
        self, account_id: UUID, email: str, username: str | None, *, tells_limit: bool = False
    ) -> bool:
        """Email a link that confirms the address. False: it was sent within `RESEND_INTERVAL`, or too often.

        Raises:
            TooManyEmailsError: it was sent too often, and `tells_limit`.
        """
        token = self.links.sign(Purpose.CONFIRM, [email], lifetime=CONFIRM_LIFETIME)
        values = {
            "username": username or "",
            "link": self.links.url("verify", token),
            "hours": _hours(CONFIRM_LIFETIME),
        }
        # A user who deleted an account and registers again gets a new email.
        return await self._enqueue(email, "confirm", values, about=str(account_id), tells_limit=tells_limit)

    async def send_address_change(self, account: Account, new_email: str, *, is_free: bool) -> bool:
        """Email a link to the new address, if it `is_free`, and a notice to the present one of `account`.

        An address that is not free is counted as if the link were sent, so that its limit tells nothing either.

        False: nothing is sent, because the same was asked for within `RESEND_INTERVAL`.

        Raises:
            TooManyEmailsError: too many such emails were sent to one of the two addresses; nothing is sent.
        """
        await self.allowance.require_room(new_email, "confirm_new")
        if not await self._send_change_notice(account, new_email):
            return False
        if not is_free:
            await self.allowance.note_sent(new_email, "confirm_new")
            return True
        claims = [str(account.id), new_email, self.links.fingerprint(address_state(account))]
        token = self.links.sign(Purpose.CONFIRM_NEW, claims, lifetime=CONFIRM_LIFETIME)
        values = {"link": self.links.url("verify", token), "hours": _hours(CONFIRM_LIFETIME)}
        about = f"{account.id} {address_state(account)}"
        return await self._enqueue(new_email, "confirm_new", values, about=about, tells_limit=True)

    async def send_password_reset(self, account: Account) -> None:
        """Email a link to set a new password, unless it was sent within `RESEND_INTERVAL`, or too often."""
        state = password_state(account)
        token = self.links.sign(Purpose.RESET, [str(account.id)], lifetime=RESET_LIFETIME, state=state)
        values = {"link": self.links.url("reset", token), "hours": _hours(RESET_LIFETIME)}
        await self._enqueue(account.email, "reset", values, about=state)

    async def send_address_taken(self, email: str) -> None:
        """Tell the owner of an address with an account that someone tried to register it again."""
        await self._enqueue(email, "taken", {"link_reset": self.links.url("forgot")})

    async def _send_change_notice(self, account: Account, new_email: str) -> bool:
        about = f"{identity(new_email)} {address_state(account)}"
        values = {"new_email": new_email}
        return await self._enqueue(account.email, "email_changed", values, about=about, tells_limit=True)

    async def _enqueue(
        self, email: str, template: str, values: dict[str, str], *, about: str = "", tells_limit: bool = False
    ) -> bool:
        """Write an email to the outbox; False if the address got the same within `RESEND_INTERVAL`, or too many.

        `about`: what makes two emails of one template different ones.

        Raises:
            TooManyEmailsError: there were too many, and `tells_limit`. Without it the client must not learn that
                there is an account.
        """
        try:
            await self.allowance.require_room(email, template)
        except TooManyEmailsError:
            if tells_limit:
                raise
            return False
        span = int(time.time() // RESEND_INTERVAL.total_seconds())
        subject = sha256(f"{identity(email)} {about}".encode()).hexdigest()
        is_new = await outbox.enqueue(
            self._session, dedup_key=f"{template}:{subject}:{span}", recipient=email, template=template, values=values
        )
        if is_new:
            await self.allowance.note_sent(email, template)
        return is_new


CONSTANT_SECONDS = 0.05
"""Several times what finding an account and writing an email to the outbox take."""


@asynccontextmanager
async def in_constant_time(session: Session) -> AsyncIterator[None]:
    """Commit what is done inside, and wait: its time must not tell whether there was an account to write to."""
    started_at = time.monotonic()
    yield
    await session.commit()
    await asyncio.sleep(started_at + CONSTANT_SECONDS - time.monotonic())


def seconds_to_next() -> int:
    """Seconds until the same email may be sent again."""
    span = RESEND_INTERVAL.total_seconds()
    return int(span - time.time() % span) + 1


def address_state(account: Account) -> str:
    """The state that a link to change the address depends on: a new password voids links that a thief has kept."""
    return f"{account.email} {password_state(account)}"


def password_state(account: Account) -> str:
    """The state that a link to set a new password depends on: setting one voids it."""
    return f"{account.hashed_password} {account.session_epoch}"


def _hours(lifetime: timedelta) -> str:
    return str(lifetime // timedelta(hours=1))
