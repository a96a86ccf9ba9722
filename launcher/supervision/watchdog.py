"""Ends all children of a launcher that was killed. Runs as a script, in a process of its own.

Its standard input is a pipe whose other end only the launcher holds. The launcher writes `+PID SIGNAL` when a child
starts and `-PID` when it has ended; at end of file the launcher is gone, and the remaining children are signalled and
later killed. PID is also the child's process group.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.02


def main() -> None:
    """Follow the launcher until it is gone, then end its children."""
    # A service manager may signal everything at once: the watchdog must be the last to go.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    end_all(read_groups())


def read_groups() -> dict[int, int]:
    """The process groups that live when the launcher is gone, each with the signal for it."""
    groups: dict[int, int] = {}
    for line in sys.stdin:
        if not line.endswith("\n"):
            break
        if line[0] == "+":
            pid, number = line[1:].split()
            groups[int(pid)] = int(number)
        else:
            groups.pop(int(line[1:]), None)
    return groups


def end_all(groups: dict[int, int]) -> None:
    """Signal each group, and kill what still lives after the grace."""
    left = {group for group, number in groups.items() if is_sent(group, number)}
    deadline = time.monotonic() + GRACE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        # A group that was once empty is not signalled again: its number may soon be another's.
        left = {group for group in left if is_sent(group, 0)}
    for group in left:
        is_sent(group, signal.SIGKILL)


def is_sent(group: int, number: int) -> bool:
    """Send the signal (0: only check); False if the group has no process left."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
