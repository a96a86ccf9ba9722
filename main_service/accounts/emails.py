"""The letters that accounts cause, and the links in them."""

import time
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from main_service.accounts.email_limits import EmailAllowance
from main_service.accounts.errors import TooManyEmailsError
from main_service.accounts.models import Account
from main_service.accounts.names import identity
from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.engines.postgres import Session
from main_service.mail import outbox

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
