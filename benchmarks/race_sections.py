"""What the races gave: medians of all rounds, beside those that limit us."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from benchmarks.contestants import BARE_UVICORN, NGINX_REDIRECT, SLIPBIN
from benchmarks.load import CONNECTIONS, Sample
from benchmarks.page import Goal, Section, counts_text, table
from benchmarks.race import Race, Races

Samples = dict[tuple[str, str], list[Sample]]
"""The samples by title of the race and name of the contestant."""


def race_sections(races: Races, samples: Samples) -> list[Section]:
    by_connections = sorted([races.redirect, *races.by_connections], key=lambda race: race.connections)
    return [
        _section(races.redirect, samples),
        _connections_section(by_connections, samples),
        _section(races.gateway, samples),
        _section(races.raw, samples),
        _section(races.page, samples),
        _section(races.create, samples),
    ]


def _section(race: Race, samples: Samples) -> Section:
    names = [contestant.name for contestant in race.contestants]
    own = {name: samples[race.title, name] for name in names}
    limit, cpu_limit = race.limit, race.cpu_limit
    header = ["", "req/s", "lowest–highest", f"÷ {limit}", "p99 ms", "CPU µs/req", f"÷ {cpu_limit}", "core busy"]
    rows = [
        [
            name,
            f"{_per_second(own[name]):,.0f}",
            f"{min(each.per_second for each in own[name]):,.0f}–{max(each.per_second for each in own[name]):,.0f}",
            f"{_per_second(own[name]) / _per_second(own[limit]):.3f}",
            f"{median(each.answers.p99_ms for each in own[name]):.1f}",
            f"{_cpu_us(own[name]):.1f}",
            f"{_cpu_us(own[name]) / _cpu_us(own[cpu_limit]):.2f}",
            f"{median(each.cpu_seconds / each.answers.seconds for each in own[name]):.0%}",
        ]
        for name in names
    ]
    goals = []
    for goal in race.goals:
        figure_of = _cpu_us if goal.is_cpu else _per_second
        against = cpu_limit if goal.is_cpu else limit
        goals.append(
            Goal(
                work=goal.work,
                figure=figure_of(own[goal.contestant]) / figure_of(own[against]),
                bound=goal.bound,
                is_most=goal.is_cpu,
                form=f"{{:.2f}} × {against}",
                note=goal.note,
                is_valid=not failures([*own[goal.contestant], *own[against]]),
            )
        )
    return Section(title=race.title, lines=table(header, rows), goals=goals, invalid=_invalid([race], samples))


def _connections_section(races: Sequence[Race], samples: Samples) -> Section:
    header = ["connections", "nginx req/s", "Slipbin req/s", "÷ nginx", "p50 ms", "p99 ms", "CPU µs/req", "÷ uvicorn"]
    rows = []
    for race in races:
        nginx, bare, own = (samples[race.title, name] for name in (NGINX_REDIRECT, BARE_UVICORN, SLIPBIN))
        rows.append(
            [
                str(race.connections),
                f"{_per_second(nginx):,.0f}",
                f"{_per_second(own):,.0f}",
                f"{_per_second(own) / _per_second(nginx):.3f}",
                f"{median(each.answers.p50_ms for each in own):.2f}",
                f"{median(each.answers.p99_ms for each in own):.1f}",
                f"{_cpu_us(own):.1f}",
                f"{_cpu_us(own) / _cpu_us(bare):.2f}",
            ]
        )
    others = [race for race in races if race.connections != CONNECTIONS]
    title = "Redirect, by connections"
    return Section(title=title, lines=table(header, rows), invalid=_invalid(others, samples))


def _invalid(races: Sequence[Race], samples: Samples) -> list[str]:
    sentences = []
    for race in races:
        for contestant in race.contestants:
            if failed := failures(samples[race.title, contestant.name]):
                what = f"{race.title}: {contestant.name} had {counts_text(failed)}"
                sentences.append(f"{what}; its figures mean nothing.")
    return sentences


def failures(samples: Sequence[Sample]) -> Counter[str]:
    """The failures of all rounds together, by kind."""
    total: Counter[str] = Counter()
    for sample in samples:
        total.update(sample.answers.failures)
    return total


def _per_second(samples: Sequence[Sample]) -> float:
    return median(sample.per_second for sample in samples)


def _cpu_us(samples: Sequence[Sample]) -> float:
    return median(sample.cpu_us for sample in samples)
