"""Checks a password, never more often than it may be guessed: the one function of signing in and of every change that
asks for the password again.
"""

from main_service.accounts.errors import CredentialsWrongError
from main_service.accounts.sign_in_limits import Guesses, SignInLimits
from main_service.engines.password_hasher import Passwords
from main_service.engines.rate_limits import Address


class PasswordCheck:
    def __init__(self, *, passwords: Passwords, limits: SignInLimits) -> None:
        self._passwords = passwords
        self._limits = limits

    async def require(self, password: str, hashed_password: str | None, *, guesses: Guesses, address: Address) -> None:
        """Let pass the right password. `hashed_password`: None where there is no account; it takes as long.

        The caller holds no connection to PostgreSQL meanwhile.

        Raises:
            CredentialsWrongError: it is wrong.
            TooManyAttemptsError: so many were wrong that nothing is said about this one.
            PasswordsBusyError: too many wait for their check.
        """
        await self._limits.require_room(guesses)
        if not await self._passwords.verify(password, hashed_password, address=address):
            await self._limits.note_failure(guesses)
            raise CredentialsWrongError
        # Of many guesses at once, all have been let in before the first failure was counted.
        await self._limits.require_room(guesses)
