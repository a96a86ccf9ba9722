"""How many files and sockets everything that the launcher starts may have open."""

import resource
from contextlib import suppress


def raise_limit() -> None:
    """As many as the system allows at all: 1,024, the soft limit of a shell and of systemd, is soon used up."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A system may refuse what it calls its limit.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
