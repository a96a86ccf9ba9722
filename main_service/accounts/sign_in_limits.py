"""Limits how often a password may be guessed, when signing in and when it is asked for again; checks it within them.

Wrong passwords at sign-in are counted by the name that was typed and by client address; those given in a session are
counted for that session alone. So strangers who guess at an account do not keep its owner, who is signed in, from
changing it; nor does a stolen session keep the owner from signing in.
"""

from collections.abc import Sequence
from uuid import UUID

from pydantic import SecretStr

from main_service.accounts.credential_rules import identity
from main_service.accounts.errors import CredentialsWrongError, TooManyAttemptsError
from main_service.engines.password_hasher import PasswordHasher
from main_service.engines.rate_limits import ClientAddress, Counter, RateLimit, RateLimiter, subject_of
from main_service.settings.quotas import Quota

_WINDOW_SECONDS = 15 * 60
PER_NAME = Quota(10, _WINDOW_SECONDS)
"""Wrong passwords for one name, as it was typed."""
PER_ADDRESS = Quota(50, _WINDOW_SECONDS)
"""Wrong passwords from one client address (IPv6: its /64), behind which there may be a school."""
PER_SESSION = Quota(10, _WINDOW_SECONDS)
"""Wrong passwords where a session asks for the password again."""

Guesses = Sequence[Counter]
"""The counters of a wrong password."""


class SignInLimits:
    """Counts wrong passwords. One per process."""

    def __init__(self, limiter: RateLimiter, *, secret: SecretStr) -> None:
        self._limiter = limiter
        self._names = RateLimit("sign-in-name", (PER_NAME,), secret=secret)
        self._addresses = RateLimit("sign-in-address", (PER_ADDRESS,), secret=secret)
        self._sessions = RateLimit("password-again", (PER_SESSION,), secret=secret)

    def of_sign_in(self, name: str, address: ClientAddress) -> Guesses:
        """The counters of a password for `name`, as it was typed, from a client; None: it can't be told from others.

        Email and username of an account are counted apart: one counter would tell that they belong together.
        """
        counters = self._of_name(name)
        if address is not None:
            counters = [*counters, *self._addresses.counters(subject_of(address))]
        return counters

    def of_session(self, session_id: UUID) -> Guesses:
        """The counters of a password that is given in a session."""
        return self._sessions.counters(session_id.bytes)

    async def require_room(self, guesses: Guesses) -> None:
        """Return if the client may try a password.

        Raises:
            TooManyAttemptsError: too many were wrong.
        """
        verdict = await self._limiter.look(guesses)
        if not verdict.is_allowed:
            raise TooManyAttemptsError(retry_after_seconds=verdict.retry_after_seconds)

    async def note_failure(self, guesses: Guesses) -> None:
        """Count a wrong password.

        Raises:
            TooManyAttemptsError: it is one too many, so the client must not learn that it was wrong.
        """
        verdict = await self._limiter.take(guesses)
        if not verdict.is_allowed:
            raise TooManyAttemptsError(retry_after_seconds=verdict.retry_after_seconds)

    async def forget(self, name: str) -> None:
        """Forget the wrong passwords for a name of an account, whose owner has just set a new one."""
        await self._limiter.clear(self._of_name(name))

    def _of_name(self, name: str) -> Sequence[Counter]:
        return self._names.counters(identity(name).encode("utf-8", "replace"))


class ClientPasswords:
    """Hashes and checks the passwords that the client at `address` gives, as often as it may.

    Callers commit before, so that no connection to PostgreSQL is held while a password is hashed.

    Raises:
        PasswordsBusyError: from every method that hashes or checks, when too many passwords wait for their turn.
    """

    def __init__(self, *, password_hasher: PasswordHasher, limits: SignInLimits, address: ClientAddress) -> None:
        self._password_hasher = password_hasher
        self._limits = limits
        self._address = address

    async def hash(self, password: str) -> str:
        return await self._password_hasher.hash(password, address=self._address)

    async def check_at_sign_in(self, password: str, hashed_password: str | None, *, name: str) -> None:
        """Return if it is the password of the account that `name`, as it was typed, belongs to.

        `hashed_password`: None where there is no account; the check takes as long, and fails.

        Raises:
            CredentialsWrongError: it is wrong.
            TooManyAttemptsError: so many were wrong that nothing is said about this one.
        """
        await self.check(password, hashed_password, guesses=self._limits.of_sign_in(name, self._address))

    async def check_in_session(self, password: str, hashed_password: str, *, session_id: UUID) -> None:
        """Return if it is the password of the account that the session belongs to.

        Raises:
            CredentialsWrongError: it is wrong.
            TooManyAttemptsError: so many were wrong that nothing is said about this one.
        """
        await self.check(password, hashed_password, guesses=self._limits.of_session(session_id))

    async def check(self, password: str, hashed_password: str | None, *, guesses: Guesses) -> None:
        """Return if it is the password; a wrong one is counted in `guesses`.

        Raises:
            CredentialsWrongError: it is wrong.
            TooManyAttemptsError: so many were wrong that nothing is said about this one.
        """
        await self._limits.require_room(guesses)
        if not await self._password_hasher.verify(password, hashed_password, address=self._address):
            await self._limits.note_failure(guesses)
            raise CredentialsWrongError
        # Many guesses sent at once are all admitted before the first failure is counted.
        await self._limits.require_room(guesses)

    async def forget_failures(self, name: str) -> None:
        """Let the owner of an account, who has just set a new password, sign in by `name` again."""
        await self._limits.forget(name)
