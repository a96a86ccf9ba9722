"""The time before a line that has none."""

import re
from datetime import UTC, datetime

_TIMED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def stamped(line: bytes) -> bytes:
    """The line with the time before it, unless it has its own, as JSON and our log have."""
    if line.startswith(b"{") or _TIMED.match(line):
        return line
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z ".encode() + line
