"""The watchdog alone: what it does when its launcher is gone."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.launcher.launched import REPOSITORY
from tests.support.waiting import eventually


@contextmanager
def started(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that leads a group of its own, waited for until it has printed a line."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as popen:
        try:
            yield popen
        finally:
            popen.kill()


@pytest.fixture
def watchdog() -> Iterator["subprocess.Popen[bytes]"]:
    with started(sys.executable, "-I", "-S", str(REPOSITORY / "launcher" / "supervision" / "watchdog.py")) as popen:
        yield popen


def tell(watchdog: "subprocess.Popen[bytes]", text: str) -> None:
    assert watchdog.stdin
    watchdog.stdin.write(text.encode())
    watchdog.stdin.flush()


def close(watchdog: "subprocess.Popen[bytes]") -> int:
    assert watchdog.stdin
    watchdog.stdin.close()
    return watchdog.wait(60)


def ignores_all(pid: int, numbers: Iterable[signal.Signals]) -> bool:
    """One of them proves nothing: a shell that starts something in the background has it ignore SIGINT and SIGQUIT."""
    mask = int(Path(f"/proc/{pid}/status").read_text().split("SigIgn:")[1].split()[0], 16)
    return all(mask >> (number - 1) & 1 for number in numbers)


def test_each_group_gets_its_own_signal(watchdog: "subprocess.Popen[bytes]") -> None:
    with started("sleep", "600") as one, started("sleep", "600") as other:
        tell(watchdog, f"+{one.pid} {int(signal.SIGINT)}\n+{other.pid} {int(signal.SIGTERM)}\n")
        # The test must take the dead children off its hands, as process 1 does for orphans.
        assert watchdog.stdin
        watchdog.stdin.close()
        assert (one.wait(60), other.wait(60)) == (-signal.SIGINT, -signal.SIGTERM)
        assert watchdog.wait(60) == 0


def test_a_child_that_ended_before_is_not_signalled(watchdog: "subprocess.Popen[bytes]") -> None:
    with started("sleep", "600") as popen:
        tell(watchdog, f"+{popen.pid} {int(signal.SIGKILL)}\n-{popen.pid}\n")
        assert close(watchdog) == 0
        assert popen.poll() is None


def test_half_a_line_is_not_obeyed(watchdog: "subprocess.Popen[bytes]") -> None:
    with started("sleep", "600") as popen:
        tell(watchdog, f"+{popen.pid} {int(signal.SIGKILL)}")
        assert close(watchdog) == 0
        assert popen.poll() is None


def test_what_ignores_its_signal_is_killed_after_the_grace(watchdog: "subprocess.Popen[bytes]") -> None:
    with started("/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done") as popen:
        assert popen.stdout
        assert popen.stdout.readline() == b"ready\n"
        tell(watchdog, f"+{popen.pid} {int(signal.SIGTERM)}\n")
        assert close(watchdog) == 0
        assert popen.wait(60) == -signal.SIGKILL


def test_signals_that_go_round_do_not_end_it(watchdog: "subprocess.Popen[bytes]") -> None:
    with started("sleep", "600") as first, started("sleep", "600") as second:
        tell(watchdog, f"+{first.pid} {int(signal.SIGKILL)}\n")
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
        eventually(lambda: ignores_all(watchdog.pid, numbers), "a watchdog that ignores signals")
        for number in numbers:
            watchdog.send_signal(number)
        tell(watchdog, f"+{second.pid} {int(signal.SIGKILL)}\n")
        assert watchdog.stdin
        watchdog.stdin.close()
        assert (first.wait(60), second.wait(60)) == (-signal.SIGKILL, -signal.SIGKILL)
