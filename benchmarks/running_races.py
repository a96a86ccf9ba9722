"""Races are run: first everybody is checked to answer as it should, then they take turns."""

import sys
from collections import defaultdict
from collections.abc import Mapping

import httpx

from benchmarks.contestants import Contestant
from benchmarks.entries import read_page
from benchmarks.errors import BenchmarkError
from benchmarks.load import measure
from benchmarks.machine import Machine
from benchmarks.race import Race, Races
from benchmarks.race_sections import Samples

WARM_UP_SECONDS = 1


def run_races(machine: Machine, races: Races, *, rounds: int, seconds: int) -> Samples:
    """Everybody is measured once in each round, so that whatever else the machine does meets everybody.

    Raises:
        BenchmarkError: a contestant ends, or answers otherwise than it should.
    """
    for race in races.all():
        for contestant in race.contestants:
            check(race, contestant)
    check_same_text(races.raw, races.texts)
    check_same_page(races.page, next(iter(races.texts)))
    samples: Samples = defaultdict(list)
    for number in range(rounds + 1):
        is_warm_up = number == 0
        print("warming up" if is_warm_up else f"round {number} of {rounds}", file=sys.stderr)
        for race in races.all():
            for contestant in race.contestants:
                contestant.prepare()
                sample = measure(
                    machine,
                    race.work,
                    url=contestant.url,
                    child=contestant.child,
                    connections=race.connections,
                    seconds=WARM_UP_SECONDS if is_warm_up else seconds,
                )
                if not is_warm_up:
                    samples[race.title, contestant.name].append(sample)
    return samples


def check(race: Race, contestant: Contestant) -> None:
    """One request as wrk will send it.

    Raises:
        BenchmarkError: it is not answered with the status of the race.
    """
    line = race.work.lines.read_text().splitlines()[0]
    is_get = race.work.method == "GET"
    path, content = (line, None) if is_get else (race.work.path, line)
    answer = httpx.request(
        race.work.method, contestant.url + path, headers=race.work.headers, content=content, trust_env=False
    )
    if answer.status_code != race.expected_status:
        raise BenchmarkError(
            f"{contestant.name} answers {race.work.method} {path} with {answer.status_code} instead of"
            f" {race.expected_status}: {answer.text[:500]}"
        )


def check_same_page(race: Race, key: str) -> None:
    """Raises: BenchmarkError: a contestant serves another page, or in another content coding."""
    first, *others = (read_page(each.url, key, headers=race.work.headers) for each in race.contestants)
    if any(other != first for other in others):
        raise BenchmarkError("nginx and Slipbin serve different pages of one paste")


def check_same_text(race: Race, texts: Mapping[str, str]) -> None:
    """Raises: BenchmarkError: a contestant serves another text than was pasted."""
    key, text = next(iter(texts.items()))
    for contestant in race.contestants:
        answer = httpx.get(f"{contestant.url}/{key}/raw", headers=race.work.headers, trust_env=False)
        if answer.text != text:
            raise BenchmarkError(f"{contestant.name} serves another text than was pasted")
