"""Limits as settings write them: `120/minute;1000/hour`, `200MiB/hour`."""

import re
from typing import NamedTuple

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_QUOTA = re.compile(rf"([0-9]{{1,12}})\s*({'|'.join(_BYTES)})?\s*/\s*({'|'.join(_SECONDS)})", re.ASCII)
LARGEST_AMOUNT = 10**12
MICROSECONDS = 1_000_000
"""How many are in a second. Limits count time in them, so a quota allows at most one request in each."""


class Quota(NamedTuple):
    """At most `amount` requests, or bytes, in `seconds`."""

    amount: int
    seconds: int

    @property
    def window(self) -> str:
        """The name of the window: `minute`, `hour` …, or if it has none, its seconds: `900s`."""
        return next((name for name, seconds in _SECONDS.items() if seconds == self.seconds), f"{self.seconds}s")

    def times(self, factor: int) -> "Quota":
        return Quota(self.amount * factor, self.seconds)


Quotas = tuple[Quota, ...]
"""Quotas that all apply, with different windows; empty: no limit."""


def parse_quotas(text: str) -> Quotas:
    """Parse how many requests are allowed: `120/minute;1000/hour`. Empty: no limit.

    Raises:
        ValueError: with a sentence for the operator.
    """
    return _parse(text, may_be_bytes=False, example="120/minute;1000/hour")


def parse_byte_quotas(text: str) -> Quotas:
    """Parse how many bytes are allowed: `200MiB/hour`. Empty: no limit.

    Raises:
        ValueError: with a sentence for the operator.
    """
    return _parse(text, may_be_bytes=True, example="200MiB/hour")


def _parse(text: str, *, may_be_bytes: bool, example: str) -> Quotas:
    if not text.strip():
        return ()
    quotas = [_parse_one(part.strip(), may_be_bytes=may_be_bytes, example=example) for part in text.split(";")]
    windows = [quota.window for quota in quotas]
    if len(set(windows)) < len(windows):
        raise ValueError("must not name the same window twice")
    return tuple(quotas)


def _parse_one(part: str, *, may_be_bytes: bool, example: str) -> Quota:
    match = _QUOTA.fullmatch(part)
    if match is None or (match[2] and not may_be_bytes):
        raise ValueError(f"must look like {example} (the windows are {', '.join(_SECONDS)}), or be empty for no limit")
    amount = int(match[1]) * _BYTES.get(match[2] or "", 1)
    if not 1 <= amount <= LARGEST_AMOUNT:
        raise ValueError(f"must be from 1 to {LARGEST_AMOUNT} in each window, or empty for no limit")
    return Quota(amount, _SECONDS[match[3]])
