"""`python -m benchmarks`: Slipbin beside nginx and a bare FastAPI app; prints ratios and judges nothing.

Those measured work on one core; wrk and the engines work on another. Rounds are interleaved, so that whatever else the
machine does meets everybody.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from types import FrameType

from benchmarks.contestants import find_program
from benchmarks.ingest import ingest_lines, measure_ingest
from benchmarks.load import CONNECTIONS, measure
from benchmarks.machine import describe
from benchmarks.processes import BenchmarkError
from benchmarks.races import started_races
from benchmarks.sign_ins import crowd_lines, measure_crowd
from benchmarks.statistics import measure_statistics, statistics_lines
from benchmarks.table import Samples, failures, table

WARM_UP_SECONDS = 1


def main() -> int:
    """The exit status is 1 if nothing could be measured or a line of the table is invalid."""
    options = _parser().parse_args()
    nginx, wrk = find_program("nginx"), find_program("wrk")
    if nginx is None or wrk is None:
        missing = " and ".join(name for name, path in (("nginx", nginx), ("wrk", wrk)) if path is None)
        print(f"The benchmarks need {missing}, which this machine does not have.", file=sys.stderr)
        return 1
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        print("The benchmarks need Linux and two cores: one for those measured, one for the load.", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    core, load_core = sorted(os.sched_getaffinity(0))[:2]
    # This process and its short helpers must not disturb those measured either.
    os.sched_setaffinity(0, {load_core})
    try:
        return _run(options, nginx=nginx, wrk=wrk, core=core, load_core=load_core)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, *, nginx: str, wrk: str, core: int, load_core: int) -> int:
    samples: Samples = defaultdict(list)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="slipbin-bench-") as name:
        folder = Path(name)
        # As root the engines work as another user, who has to reach their data folder.
        folder.chmod(0o755)
        with started_races(folder, nginx_program=nginx, core=core, load_core=load_core) as races:
            for number in range(options.rounds + 1):
                is_warm_up = number == 0
                print("warming up" if is_warm_up else f"round {number} of {options.rounds}", file=sys.stderr)
                for race in races:
                    for contestant in race.contestants:
                        race.prepare()
                        sample = measure(
                            wrk,
                            race.work,
                            url=contestant.url,
                            child=contestant.child,
                            seconds=WARM_UP_SECONDS if is_warm_up else options.seconds,
                            core=load_core,
                        )
                        if not is_warm_up:
                            samples[race.title, contestant.name].append(sample)
            redirects = races[0]
            link = redirects.work.lines.read_text().splitlines()[0].removeprefix("/")
            crowd = measure_crowd(redirects.contestants[-1].url, link)
        ingested = measure_ingest(folder / "ingest", core=core, load_core=load_core)
        asked = measure_statistics(folder / "statistics", core=core, load_core=load_core)
    print("\n".join(describe(nginx=nginx, wrk=wrk)))
    print(
        f"Medians of {options.rounds} × {options.seconds} s, {CONNECTIONS} connections;"
        f" those measured on core {core}, wrk and engines on core {load_core}."
        f" Load average before the run: {load_before:.1f}."
    )
    print("\n".join(table(races, samples)))
    print("\n".join(crowd_lines(crowd)))
    print("\n".join(ingest_lines(ingested)))
    print("\n".join(statistics_lines(asked)))
    return 1 if any(failures(own) for own in samples.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_count, default=5, help="how often everybody is measured (default 5)")
    parser.add_argument("--seconds", type=_count, default=3, help="how long each time (default 3)")
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
