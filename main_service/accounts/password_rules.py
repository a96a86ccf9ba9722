"""What a password must be like, and answers that take the same time whether or not an address has an account."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from main_service.engines.postgres import Session
from main_service.errors import FieldError, InvalidInputError

MIN_LENGTH = 8
MAX_LENGTH = 128
PASSWORD_RULE = (
    f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters, among them a lower-case letter, an upper-case letter and "
    "a digit"
)
_SHORTEST_NAME = 3
"""Shorter names are parts of too many words to be looked for."""


def password_fault(password: str, *, email: str, username: str | None) -> str | None:
    """What is wrong with a password, as a sentence; None if nothing is."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return PASSWORD_RULE + "."
    if not all(any(map(is_kind, password)) for is_kind in (str.islower, str.isupper, str.isdigit)):
        return PASSWORD_RULE + "."
    plain = password.casefold()
    names = (email, email.rpartition("@")[0], username or "")
    if any(len(name) >= _SHORTEST_NAME and name.casefold() in plain for name in names):
        return "The password can't contain your email or username."
    return None


def require_good_password(password: str, *, email: str, username: str | None, field: str = "password") -> None:
    """Raises:
    InvalidInputError: the password, which came in `field`, is no good.
    """
    fault = password_fault(password, email=email, username=username)
    if fault is not None:
        raise InvalidInputError(fields=[FieldError(field, "password_weak", fault)])


CONSTANT_SECONDS = 0.05
"""Several times what finding an account and writing an email to the outbox take."""


@asynccontextmanager
async def in_constant_time(session: Session) -> AsyncIterator[None]:
    """Commit what is done inside, then wait: it takes `CONSTANT_SECONDS`, whether there was much to do or nothing."""
    started_at = time.monotonic()
    yield
    await session.commit()
    await asyncio.sleep(started_at + CONSTANT_SECONDS - time.monotonic())
