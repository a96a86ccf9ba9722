"""How many files and sockets a process has open, and how many it may: counted where the system tells (Linux)."""

import resource
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")


def raise_limit() -> None:
    """Let this process, and those that it starts, open as many files as the system allows at all.

    The soft limit of a shell and of systemd is 1,024, for programs that use `select`. Ours don't.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A system may refuse what it calls its limit.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def allowed_descriptors() -> int:
    """How many this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 2**31


def descriptors_of(pid: int) -> tuple[int, int] | None:
    """How many the process has and may have; None if it is gone, is another user's, or the system does not tell."""
    try:
        used = sum(1 for _ in (_PROCESSES / str(pid) / "fd").iterdir())
        [line] = [it for it in (_PROCESSES / str(pid) / "limits").read_text().splitlines() if "open files" in it]
    except (OSError, ValueError):
        return None
    soft = line.split()[3]
    return used, int(soft) if soft.isdigit() else 2**31
