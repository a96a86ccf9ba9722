"""Tokens that users make for their programs: shown once, kept as a hash."""

import re
import secrets
from hashlib import sha256

PREFIX = "slp_"
"""By which scanners for leaked secrets know them."""
_TOKEN = re.compile(r"slp_[A-Za-z0-9_-]{43}")


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def is_api_token(token: str) -> bool:
    return token.startswith(PREFIX)


def hash_token(token: str) -> bytes | None:
    """None for what has not the form of a token."""
    return sha256(token.encode()).digest() if _TOKEN.fullmatch(token) else None
