"""Times and sizes in words, as people read them on a terminal."""

import re
from datetime import UTC, datetime, timedelta

_UPWARDS_SECONDS = 30
_SECONDS_OF_SIGN = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def parse(instant: str | None) -> datetime | None:
    """An instant of the service's JSON; None stays None."""
    return None if instant is None else datetime.fromisoformat(instant)


def parse_span(given: str) -> timedelta | None:
    """A time as it is given for a lifetime, such as `90m` or, in seconds, `5400`; None: it is written otherwise."""
    found = re.fullmatch(r"(\d{1,9})([smhdw]?)", given, re.ASCII | re.IGNORECASE)
    if found is None:
        return None
    return int(found[1]) * timedelta(seconds=_SECONDS_OF_SIGN[found[2].lower()])


def span(seconds: float) -> str:
    """A time in its largest unit, such as `6 d`."""
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "0 s"


def ago(instant: str | None) -> str:
    """How long ago it was; a dash for None."""
    then = parse(instant)
    return "–" if then is None else span((datetime.now(UTC) - then).total_seconds())


def until(instant: str | None) -> str:
    """How long it still lasts, to the nearest unit; `never` for None."""
    then = parse(instant)
    if then is None:
        return "never"
    seconds = (then - datetime.now(UTC)).total_seconds()
    if seconds <= 0:
        return "expired"
    for unit, length in _UNITS:
        # What was just made for an hour should not be said to last 60 minutes.
        if seconds + _UPWARDS_SECONDS >= length:
            return f"in {round(seconds / length)} {unit}"
    return "in 0 s"


def size(count: int) -> str:
    """A number of bytes in its largest unit."""
    if count < 1024:
        return f"{count} bytes"
    return f"{count / 1024:.1f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"
