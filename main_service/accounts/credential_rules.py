"""Which emails, usernames and passwords an account can have, and which spellings of a name are the same.

PostgreSQL finds names by its own `lower()`, which lower-cases fewer or other letters than Python, by its version and
locale. So what it finds counts only if `identity` agrees: all spellings that lead to an account have one identity, and
what is counted under it (failed sign-ins, emails) is counted together.
"""

import re
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

from main_service.errors import FieldError, InvalidInputError

MAX_EMAIL_LENGTH = 254
MAX_LOCAL_PART_BYTES = 64
"""The most bytes before the @ (RFC 5321); mail servers refuse more."""
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,29}")

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 128
PASSWORD_RULE = (
    f"A password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters, among them a lower-case letter, "
    "an upper-case letter and a digit"
)
_SHORTEST_NAME = 3
"""Characters of the shortest name that a password may not contain; shorter ones are parts of too many words."""


def identity(name: str) -> str:
    """One form for all spellings of a username, or of an email as `parse_email` returns it, that are the same name."""
    return normalize("NFC", name.casefold())


def is_username(name: str) -> bool:
    return USERNAME.fullmatch(name) is not None


def parse_email(text: str) -> str:
    """The address as emails are sent to it, its host in lower case. Only an email finds out whether anyone reads it.

    Raises:
        ValueError: it is no address.
    """
    try:
        # Names that are reserved for tests are taken too: whether a host exists is not asked here.
        valid = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError("no address") from error
    # More mail servers take a host in punycode; where the name before it isn't ASCII, there is no such form.
    return valid.ascii_email or valid.normalized


def parse_new_email(text: str) -> str:
    """An address that an account may get, in the form of `parse_email`.

    Raises:
        ValueError: it is no address, is too long for mail servers, or PostgreSQL could take it for another one.
    """
    email = parse_email(text)
    if len(email.rpartition("@")[0].encode()) > MAX_LOCAL_PART_BYTES:
        raise ValueError("too long")
    if any(letter.lower()[0].isascii() for letter in email if not letter.isascii()):
        # `İ` is `i` to some versions of PostgreSQL: İda@ would keep the owner of ida@ from registering.
        raise ValueError("taken for another")
    return email


def require_good_password(password: str, *, email: str, username: str | None, field: str = "password") -> None:
    """Return if an account with this email and username may get this password.

    Raises:
        InvalidInputError: it breaks a rule, which the error tells of `field`.
    """
    names = (email, email.rpartition("@")[0], username or "")
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH or not all(
        any(map(is_kind, password)) for is_kind in (str.islower, str.isupper, str.isdigit)
    ):
        fault = f"{PASSWORD_RULE}."
    elif any(len(name) >= _SHORTEST_NAME and name.casefold() in password.casefold() for name in names):
        fault = "The password can't contain your email or username."
    else:
        return
    raise InvalidInputError(fields=[FieldError(field, "password_weak", fault)])
