"""Emails and user names: which there can be, and which spellings are one.

PostgreSQL finds them by its own `lower()`, which lower-cases fewer or other letters than Python, by its version and
locale. So what it finds counts only if `identity` agrees: all spellings that lead to an account have one identity, and
what is counted under it (failed sign-ins, emails) is counted together.
"""

import re
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

MAX_EMAIL_LENGTH = 254
MAX_LOCAL_PART_BYTES = 64
"""Of what stands before the @ (RFC 5321); mail servers refuse longer ones."""
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,29}")


def identity(name: str) -> str:
    """The form in which an email or user name is the same whatever its case. For emails, of what `parse_email` gave."""
    return normalize("NFC", name.casefold())


def is_username(name: str) -> bool:
    return USERNAME.fullmatch(name) is not None


def parse_email(text: str) -> str:
    """The address as it is written to, its host in lower case. Whether somebody reads it, an email finds out.

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
    """The same, for an address that an account is to get.

    Raises:
        ValueError: it is no address, mail servers don't take one as long, or PostgreSQL could take it for another one.
    """
    email = parse_email(text)
    if len(email.rpartition("@")[0].encode()) > MAX_LOCAL_PART_BYTES:
        raise ValueError("too long")
    if any(letter.lower()[0].isascii() for letter in email if not letter.isascii()):
        # `İ` is `i` to some versions of PostgreSQL: İda@ would keep the owner of ida@ from registering.
        raise ValueError("taken for another")
    return email
