"""How many files and sockets a process has open, and how many it may open, where the system tells (Linux)."""

import resource
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")


def raise_limit() -> None:
    """Let this process and its children open as many files as the hard limit allows.

    The soft limit of shells and systemd is 1,024, for programs that use `select`, which ours do not.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A system may refuse even its own hard limit.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def allowed_descriptors() -> int:
    """How many files and sockets this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 2**31


def descriptors_of(pid: int) -> tuple[int, int] | None:
    """How many files and sockets a process has open, and how many it may have.

    None if it is gone or another user's, or the system does not tell.
    """
    try:
        used = sum(1 for _ in (_PROCESSES / str(pid) / "fd").iterdir())
        [line] = [it for it in (_PROCESSES / str(pid) / "limits").read_text().splitlines() if "open files" in it]
    except (OSError, ValueError):
        return None
    soft = line.split()[3]
    return used, int(soft) if soft.isdigit() else 2**31
