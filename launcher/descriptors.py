"""Raises the limit of open files and sockets for everything that the launcher starts."""

import resource
from contextlib import suppress


def raise_limit() -> None:
    """Raise the limit to what the system allows: 1,024, the soft limit of shells and systemd, is soon used up."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A system may refuse what it calls its limit.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
