"""`python -m benchmarks`: measures Slipbin beside what limits it, and writes docs/benchmarks.md."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from benchmarks.errors import BenchmarkError
from benchmarks.introduction import INTRODUCTION
from benchmarks.machine import find_machine
from benchmarks.page import page, reach
from benchmarks.pinning import REPOSITORY
from benchmarks.run import run

PAGE = REPOSITORY / "docs" / "benchmarks.md"


def main() -> int:
    """The exit status is 1 if nothing could be measured or a figure is invalid; a goal that is missed is only told."""
    parser = _parser()
    options = parser.parse_args()
    if not options.output.parent.is_dir():
        parser.error(f"there is no folder {options.output.parent}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        machine = find_machine()
        # This process and its short helpers must not disturb those measured either.
        os.sched_setaffinity(0, {machine.load_core})
        about, sections = run(machine, rounds=options.rounds, seconds=options.seconds)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    text = page(INTRODUCTION, about, sections)
    if options.output == Path("-"):
        print(text, end="")
    else:
        options.output.write_text(text)
        print("\n".join([*reach(sections), "", f"All figures: {options.output}"]))
    invalid = [sentence for section in sections for sentence in section.invalid]
    for sentence in invalid:
        print(f"INVALID: {sentence}", file=sys.stderr)
    return 1 if invalid else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_count, default=5, help="how often everybody is measured (default 5)")
    parser.add_argument("--seconds", type=_count, default=3, help="how long each time (default 3)")
    parser.add_argument(
        "--output", type=Path, default=PAGE, help="where the page is written (default docs/benchmarks.md; -: printed)"
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("give a whole number above zero")
    return int(text)


def _stop(number: int, _: FrameType | None) -> None:
    # The first signal unwinds and stops all children; another one must not break that off.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
