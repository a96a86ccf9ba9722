"""The emails that accounts cause, with the links in them, and how many of them there may be.

What a recipient gets of one kind is counted twice. `to_recipient` counts what one client causes, so clients use up
nothing of one another: a stranger can't keep an owner from setting a new password. `to_recipient_from_all` is
`FROM_ALL_FACTOR` times as much; it only bounds a flood from many addresses.
"""

import time
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from main_service.accounts.errors import TooManyEmailsError, TooManyRegistrationsError
from main_service.accounts.models import Account
from main_service.accounts.names import identity
from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.engines.postgres import Session
from main_service.engines.rate_limits import Address, Counter, RateLimit, RateLimiter, subject_of
from main_service.mail import outbox
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


CONFIRM_LIFETIME = timedelta(hours=24)
RESET_LIFETIME = timedelta(hours=1)
LETTERS_EVERY = timedelta(minutes=5)
"""No inbox is filled by somebody who keeps asking: one email of a kind, about the same thing, in this time."""
AT_MOST_ONE = "We send at most one in five minutes and only a few a day, so look for an earlier one, too."
"""For answers that may not say whether there is an account, and so not whether an email was sent."""


class AccountLetters:
    """Posts letters in the transaction of `session`."""

    def __init__(self, *, session: Session, links: SignedLinks, allowance: EmailAllowance, public_url: str) -> None:
        self._session = session
        self._allowance = allowance
        self._links = links
        self._public_url = public_url

    async def ask_to_confirm(
        self, account_id: UUID, email: str, username: str | None, *, tells_limit: bool = False
    ) -> bool:
        """False: nothing is sent, because it was asked for before within `LETTERS_EVERY`, or too often.

        Raises:
            TooManyEmailsError: too often, and `tells_limit`.
        """
        token = self._links.sign(Purpose.CONFIRM, [email], lifetime=CONFIRM_LIFETIME)
        values = {"username": username or "", "link": self._confirm_link(token), "hours": _hours(CONFIRM_LIFETIME)}
        # Who has deleted an account and registers anew gets a letter of its own.
        return await self._post(email, "confirm", values, about=str(account_id), tells_limit=tells_limit)

    async def ask_to_change(self, account: Account, new_email: str, *, is_free: bool) -> bool:
        """Send a link to the address that `account` is to get, if it `is_free`, and tell the present one.

        An address that is not free is counted as if a link were sent to it, so that its limit does not tell either.

        False: nothing is sent, because the same was asked for before within `LETTERS_EVERY`.

        Raises:
            TooManyEmailsError: too many such emails were sent to one of the two addresses; nothing is sent.
        """
        await self._allowance.require_room(new_email, "confirm_new")
        if not await self._tell_change_of_address(account, new_email):
            return False
        if not is_free:
            await self._allowance.note_sent(new_email, "confirm_new")
            return True
        claims = [str(account.id), new_email, self._links.fingerprint(address_state(account))]
        token = self._links.sign(Purpose.CONFIRM_NEW, claims, lifetime=CONFIRM_LIFETIME)
        values = {"link": self._confirm_link(token), "hours": _hours(CONFIRM_LIFETIME)}
        about = f"{account.id} {address_state(account)}"
        return await self._post(new_email, "confirm_new", values, about=about, tells_limit=True)

    async def offer_new_password(self, account: Account) -> None:
        state = password_state(account)
        token = self._links.sign(Purpose.RESET, [str(account.id)], lifetime=RESET_LIFETIME, state=state)
        values = {"link": f"{self._public_url}/reset/{token}", "hours": _hours(RESET_LIFETIME)}
        await self._post(account.email, "reset", values, about=state)

    async def tell_taken(self, email: str) -> None:
        """To the owner of an address that somebody tried to register again."""
        await self._post(email, "taken", {"link_reset": f"{self._public_url}/forgot"})

    async def _tell_change_of_address(self, account: Account, new_email: str) -> bool:
        about = f"{identity(new_email)} {address_state(account)}"
        return await self._post(account.email, "email_changed", {"new_email": new_email}, about=about, tells_limit=True)

    def _confirm_link(self, token: str) -> str:
        return f"{self._public_url}/verify/{token}"

    async def _post(
        self, email: str, letter: str, values: dict[str, str], *, about: str = "", tells_limit: bool = False
    ) -> bool:
        """At most one letter of a kind, about the same thing, to an address in each `LETTERS_EVERY`, and so many a day.

        Raises:
            TooManyEmailsError: these are too many, and `tells_limit`; without it the client must not learn that there
                is an account, and nothing is sent.
        """
        try:
            await self._allowance.require_room(email, letter)
        except TooManyEmailsError:
            if tells_limit:
                raise
            return False
        span = int(time.time() // LETTERS_EVERY.total_seconds())
        subject = sha256(f"{identity(email)} {about}".encode()).hexdigest()
        is_new = await outbox.post(
            self._session, cause=f"{letter}:{subject}:{span}", recipient=email, letter=letter, values=values
        )
        if is_new:
            await self._allowance.note_sent(email, letter)
        return is_new


def seconds_to_next() -> int:
    """Until the same letter may be sent again."""
    span = LETTERS_EVERY.total_seconds()
    return int(span - time.time() % span) + 1


def address_state(account: Account) -> str:
    """What a link to change the address hangs on: a new password voids it, so that no thief waits with one."""
    return f"{account.email} {password_state(account)}"


def password_state(account: Account) -> str:
    """What a link to set a new password hangs on: once one is set, it is void."""
    return f"{account.hashed_password} {account.session_epoch}"


def _hours(lifetime: timedelta) -> str:
    return str(lifetime // timedelta(hours=1))
