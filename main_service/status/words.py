"""Times and sizes in words, short enough for a table."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def age_in_words(seconds: float) -> str:
    """A time that has passed or is left: `3 s`, `5 min`, `2.5 h`."""
    for length, unit in _UNITS:
        if seconds >= 2 * length:
            amount = seconds / length
            return f"{amount:.0f} {unit}" if amount >= 10 or amount == int(amount) else f"{amount:.1f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 1 else f"{seconds:.0f} s"


def bytes_in_words(size: float) -> str:
    """A size in the unit that suits it, such as `512 MiB` or `3.2 GiB`."""
    for length, unit in ((2**30, "GiB"), (2**20, "MiB")):
        if size >= length:
            return f"{size / length:.1f} {unit}" if size < 10 * length else f"{size / length:.0f} {unit}"
    return f"{size / 1024:.0f} KiB"
