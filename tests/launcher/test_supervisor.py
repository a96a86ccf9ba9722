"""Supervising children: they come back, they stop, and they are gone with their launcher, descendants included."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from launcher.supervision.supervisor import BackOff
from tests.launcher.launched import (
    REPOSITORY,
    assert_nothing_left,
    command_of,
    is_alive,
    processes_of,
    without_times,
    words_of,
)
from tests.support.waiting import eventually

# A child with a grandchild in its group, which no signal of the kernel's reaches.
FAMILY = "sleep 601 & echo began; exec sleep 602"


LEFT_OUT = re.compile(r"launcher \| \S+Z (\d+) lines were left out, as nothing read them.\n")


class Small:
    """A running small launcher."""

    def __init__(self, popen: "subprocess.Popen[bytes]", out: Path, label: Path) -> None:
        self.popen = popen
        self.label = label
        self._out = out

    @property
    def out(self) -> str:
        return self._out.read_text(errors="replace")

    @property
    def log(self) -> str:
        return without_times(self._out.read_text(errors="replace"))

    def wait_for_text(self, text: str, *, count: int = 1) -> None:
        eventually(lambda: self.log.count(text) >= count, f"{text!r} in the log")

    def find(self, word: str) -> list[psutil.Process]:
        """The living processes that this word stands in the command line of."""
        return [process for process in processes_of(self.label) if word in words_of(process)]

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(60)


@contextmanager
def small_launcher(folder: Path, **commands: str) -> Iterator[Small]:
    """Run it on these commands; afterwards none of its processes lives, however it ended."""
    out = folder / "out"
    with out.open("wb") as file:
        popen = subprocess.Popen(small_command(folder, commands), cwd=REPOSITORY, stdout=file, stderr=file)
    try:
        yield Small(popen, out, folder)
        if popen.poll() is None:
            popen.terminate()
            popen.wait(60)
        assert_nothing_left(folder)
    finally:
        popen.kill()
        popen.wait()
        for process in processes_of(folder):
            process.kill()


def small_command(label: Path, commands: dict[str, str]) -> list[str]:
    pairs = [f"{name}={command}" for name, command in commands.items()]
    return [sys.executable, "-m", "tests.launcher.small_launcher", str(label), *pairs]


def test_a_child_that_dies_comes_back_after_its_whole_group_was_killed(tmp_path: Path) -> None:
    with small_launcher(tmp_path, family=FAMILY) as small:
        small.wait_for_text("family | began")
        eventually(lambda: small.find("601") and small.find("602"), "both")
        (child,), (grandchild,) = small.find("602"), small.find("601")
        child.kill()
        small.wait_for_text("launcher | family ended (signal 9); starting it again in 0.5 s\n")
        eventually(lambda: not is_alive(grandchild), "the end of the grandchild")
        small.wait_for_text("launcher | family runs again as process ")
        assert re.search(r"^launcher \| \d{4}-\d\d-\d\dT[\d:.]+Z family runs again", small.out, re.MULTILINE)
        small.wait_for_text("family | began", count=2)
        assert small.find("602") != [child]


def test_a_killed_launcher_takes_children_and_grandchildren_along(tmp_path: Path) -> None:
    with small_launcher(tmp_path, family=FAMILY) as small:
        small.wait_for_text("began")
        small.popen.kill()
        assert_nothing_left(tmp_path)


def test_a_new_watchdog_knows_the_children_that_run_already(tmp_path: Path) -> None:
    with small_launcher(tmp_path, family=FAMILY) as small:
        small.wait_for_text("began")
        watchdog = psutil.Process(small.popen.pid).children()[0]
        assert "watchdog.py " in command_of(watchdog)
        watchdog.kill()
        eventually(lambda: _has_watchdog(small, other_than=watchdog), "another watchdog")
        small.popen.kill()
        assert_nothing_left(tmp_path)


def _has_watchdog(small: Small, *, other_than: psutil.Process) -> bool:
    children = psutil.Process(small.popen.pid).children()
    return any("watchdog.py " in command_of(child) and child != other_than for child in children)


def test_a_stop_is_asked_for_one_after_the_other(tmp_path: Path) -> None:
    slow = "trap 'sleep 0.5; echo bye; exit' TERM; echo began; while :; do sleep 0.05; done"
    with small_launcher(tmp_path, first=slow, second="trap 'echo bye; exit' TERM; " + slow[32:]) as small:
        small.wait_for_text("began", count=2)
        assert small.stop() == 0
        assert re.findall(r"(\w+) \| bye", small.log) == ["first", "second"]
        assert "again" not in small.log


def test_a_child_that_does_not_stop_in_its_grace_is_killed_with_its_group(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    loop = "echo began; while :; do sleep 0.05; done"
    stubborn = f"trap '' TERM; echo $$ > {note}; sleep 601 & {loop}"
    witness = f"trap 'kill -0 $(cat {note}) || echo it is gone; exit' TERM; {loop}"
    with small_launcher(tmp_path, stubborn=stubborn, witness=witness) as small:
        small.wait_for_text("began", count=2)
        assert small.stop() == 0
        assert "launcher | stubborn did not stop within 1 s: killing it\n" in small.log
        # The next one is stopped only then.
        assert "witness | it is gone" in small.log
        assert_nothing_left(tmp_path)


def test_a_child_that_stops_but_leaves_a_grandchild_leaves_nothing(tmp_path: Path) -> None:
    with small_launcher(tmp_path, family=FAMILY) as small:
        small.wait_for_text("began")
        assert small.stop() == 0
        assert_nothing_left(tmp_path)


def test_a_child_that_keeps_dying_is_started_after_longer_and_longer_waits(tmp_path: Path) -> None:
    began = time.monotonic()
    with small_launcher(tmp_path, sad="exit 3") as small:
        small.wait_for_text("sad runs again", count=3)
        assert re.findall(r"sad ended \(exit 3\); starting it again in (\S+) s", small.log)[:3] == ["0.5", "1", "2"]
        assert time.monotonic() - began >= 3.5


def test_the_wait_doubles_up_to_30_s_and_begins_anew_after_a_steady_minute() -> None:
    back_off = BackOff()
    short, steady = timedelta(seconds=59), timedelta(seconds=60)
    waits = [back_off.wait_after(short).total_seconds() for _ in range(8)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [back_off.wait_after(lived).total_seconds() for lived in (steady, short)] == [0.5, 1]


def test_a_command_that_does_not_exist_is_a_start_error(tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib\n"
        "from launcher.errors import StartError\n"
        "from launcher.logs.output import Output\n"
        "from launcher.supervision.program import Program\n"
        "from launcher.supervision.supervisor import Supervisor\n"
        "async def main():\n"
        "    supervisor = Supervisor(output=Output(1), label='x')\n"
        "    try:\n"
        "        supervisor.keep_running(Program(name='ghost', command=('/no/such',),\n"
        "            environment={}, folder=pathlib.Path('/'), user=None))\n"
        "    except StartError as error:\n"
        "        print(error)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout == "ghost cannot be started (/no/such): [Errno 2] No such file or directory: '/no/such'.\n"


def test_lines_of_children_are_never_mixed(tmp_path: Path) -> None:
    # Each line is longer than what a pipe takes at once.
    talk = "i=0; while [ $i -lt 40 ]; do printf '%06000d\\n' 0 | tr 0 {0}; i=$((i+1)); done; echo end; exec sleep 600"
    with small_launcher(tmp_path, a=talk.replace("{0}", "a"), b=talk.replace("{0}", "b")) as small:
        small.wait_for_text("| end", count=2)
        lines = [line for line in small.log.splitlines() if not line.endswith("| end")]
    assert sorted(set(lines)) == ["a | " + "a" * 6000, "b | " + "b" * 6000]
    assert len(lines) == 80


@pytest.mark.parametrize(
    ("flood", "size_bytes"), [("yes", 4_000_000), ("cat /dev/zero", 300_000_000)], ids=["lines", "one endless line"]
)
def test_a_flood_that_is_not_read_fills_no_memory_and_stops_no_program(
    tmp_path: Path, flood: str, size_bytes: int
) -> None:
    note = tmp_path / "note"
    commands = {"flood": flood, "other": f"while :; do echo line; echo x >> {note}; sleep 0.01; done"}
    with subprocess.Popen(small_command(tmp_path, commands), cwd=REPOSITORY, stdout=subprocess.PIPE) as popen:
        try:
            process = psutil.Process(popen.pid)
            eventually(lambda: process.io_counters().read_chars > size_bytes, "the flood")
            eventually(note.exists, "the other child")
            before = note.stat().st_size
            eventually(lambda: note.stat().st_size > before + 20, "the other child going on")
            assert process.memory_info().rss < 64 * 1024 * 1024
            popen.terminate()
            # Its output is not read yet: it gives up its last lines.
            assert popen.wait(60) == 0
        finally:
            popen.kill()
    assert_nothing_left(tmp_path)


def test_a_reader_that_comes_late_is_told_how_much_was_left_out(tmp_path: Path) -> None:
    with subprocess.Popen(
        small_command(tmp_path, {"flood": "yes | head -n 1000000; exec sleep 600"}),
        cwd=REPOSITORY,
        # What waits is more than a busy machine may read within a second.
        env={**os.environ, "DRAIN_SECONDS": "60"},
        stdout=subprocess.PIPE,
    ) as popen:
        assert popen.stdout
        try:
            eventually(lambda: _is_done_flooding(popen), "the end of the flood")
            seen = 0
            while not (told := LEFT_OUT.fullmatch(line := popen.stdout.readline().decode())):
                assert line == "flood | y\n"
                seen += 1
                if seen == 1000:
                    popen.terminate()
            assert seen + int(told[1]) <= 1_000_000
        finally:
            popen.kill()
    assert_nothing_left(tmp_path)


def _is_done_flooding(popen: "subprocess.Popen[bytes]") -> bool:
    return any(command_of(child) == "sleep 600 " for child in psutil.Process(popen.pid).children())


def test_a_launcher_without_a_reader_goes_on(tmp_path: Path) -> None:
    note = tmp_path / "note"
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    popen = subprocess.Popen(
        small_command(tmp_path, {"sad": f"echo x >> {note}; exit 3"}), cwd=REPOSITORY, stdout=writing_end
    )
    os.close(writing_end)
    try:
        eventually(lambda: note.exists() and note.stat().st_size >= 6, "the third start")
        popen.terminate()
        assert popen.wait(60) == 0
    finally:
        popen.kill()
        popen.wait()
    assert_nothing_left(tmp_path)
