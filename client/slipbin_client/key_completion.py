"""Completion of keys: those of the entries that were created here without an account."""

from slipbin_client.errors import ClientError
from slipbin_client.manage_tokens import known_keys


def complete_key(incomplete: str) -> list[str]:
    try:
        return [key for key in known_keys() if key.startswith(incomplete)]
    except ClientError:
        # A shell that completes shows no errors.
        return []
