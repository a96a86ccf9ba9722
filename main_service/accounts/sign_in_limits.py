"""Checks passwords, never more often than they may be guessed: for signing in, and for changes that ask again.

Guesses are counted by the name that is typed and by client address, or within a session. A session that asks for the
password again has a counter of its own. So strangers who guess at an account do not keep its owner, who is signed in,
from changing it; nor does a stolen session keep the owner from signing in.
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
PER_ADDRESS = Quota(50, _WINDOW_SECONDS)
"""More than one person needs; a school behind one address signs in too."""
PER_SESSION = Quota(10, _WINDOW_SECONDS)

Guesses = Sequence[Counter]
"""What counts the failures of one who gives a password."""


class SignInLimits:
    """One per process."""

    def __init__(self, limiter: RateLimiter, *, secret: SecretStr) -> None:
        self._limiter = limiter
        self._names = RateLimit("sign-in-name", (PER_NAME,), secret=secret)
        self._addresses = RateLimit("sign-in-address", (PER_ADDRESS,), secret=secret)
        self._sessions = RateLimit("password-again", (PER_SESSION,), secret=secret)

    def of_sign_in(self, name: str, address: ClientAddress) -> Guesses:
        """`name`: as it was typed. One counter for the names of an account would tell which belong together."""
        counters = self._of_name(name)
        if address is not None:
            counters = [*counters, *self._addresses.counters(subject_of(address))]
        return counters

    def of_session(self, session_id: UUID) -> Guesses:
        return self._sessions.counters(session_id.bytes)

    async def require_room(self, guesses: Guesses) -> None:
        """Let pass a client that may still guess.

        Raises:
            TooManyAttemptsError: it has failed too often.
        """
        verdict = await self._limiter.look(guesses)
        if not verdict.is_allowed:
            raise TooManyAttemptsError(retry_after_seconds=verdict.retry_after_seconds)

    async def note_failure(self, guesses: Guesses) -> None:
        """Count a failure.

        Raises:
            TooManyAttemptsError: it is one too many; then nothing is said about the password.
        """
        verdict = await self._limiter.take(guesses)
        if not verdict.is_allowed:
            raise TooManyAttemptsError(retry_after_seconds=verdict.retry_after_seconds)

    async def forget(self, name: str) -> None:
        """Let the owner in again, who has just set a new password."""
        await self._limiter.clear(self._of_name(name))

    def _of_name(self, name: str) -> Sequence[Counter]:
        return self._names.counters(identity(name).encode("utf-8", "replace"))


class ClientPasswords:
    """Hashes and checks the passwords that one client gives; `address` is the client's.

    Callers hold no connection to PostgreSQL meanwhile. Every method that hashes:

    Raises:
        PasswordsBusyError: too many passwords wait for their turn.
    """

    def __init__(self, *, password_hasher: PasswordHasher, limits: SignInLimits, address: ClientAddress) -> None:
        self._password_hasher = password_hasher
        self._limits = limits
        self._address = address

    async def hash(self, password: str) -> str:
        return await self._password_hasher.hash(password, address=self._address)

    async def check_at_sign_in(self, password: str, hashed_password: str | None, *, name: str) -> None:
        """Let pass the right password of the account that `name`, as it was typed, belongs to.

        `hashed_password`: None where there is no account; the check takes as long, and fails.

        Raises:
            CredentialsWrongError: it is wrong.
            TooManyAttemptsError: so many were wrong that nothing is said about this one.
        """
        await self.check(password, hashed_password, guesses=self._limits.of_sign_in(name, self._address))

    async def check_in_session(self, password: str, hashed_password: str, *, session_id: UUID) -> None:
        """Let pass the right password of the account that the session belongs to.

        Raises:
            CredentialsWrongError: it is wrong.
            TooManyAttemptsError: so many were wrong that nothing is said about this one.
        """
        await self.check(password, hashed_password, guesses=self._limits.of_session(session_id))

    async def check(self, password: str, hashed_password: str | None, *, guesses: Guesses) -> None:
        """Let pass the right password; a wrong one is counted in `guesses`.

        Raises:
            CredentialsWrongError: it is wrong.
            TooManyAttemptsError: so many were wrong that nothing is said about this one.
        """
        await self._limits.require_room(guesses)
        if not await self._password_hasher.verify(password, hashed_password, address=self._address):
            await self._limits.note_failure(guesses)
            raise CredentialsWrongError
        # Of many guesses at once, all have been let in before the first failure was counted.
        await self._limits.require_room(guesses)

    async def forget_failures(self, name: str) -> None:
        """Let the owner of an account, who has just set a new password, sign in by `name` again."""
        await self._limits.forget(name)
