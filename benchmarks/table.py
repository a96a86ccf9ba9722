"""The result of a run as a plain table: medians of all rounds, beside the first contestant of each race."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.load import Sample
from benchmarks.races import Race

Samples = dict[tuple[str, str], list[Sample]]
"""By title of the race and name of the contestant."""

_LINE = "{:<20}{:>10}{:>10}{:>10}{:>13}{:>10}{:>12}"


def table(races: Sequence[Race], samples: Samples) -> Iterator[str]:
    """Lines of text. `÷` columns compare with the race's first contestant; `core busy` is 100 % at its limit."""
    for race in races:
        first = race.contestants[0]
        yield ""
        yield race.title
        yield _LINE.format("", "req/s", "÷ first", "p99 ms", "CPU µs/req", "÷ first", "core busy")
        reference = samples[race.title, first.name]
        for contestant in race.contestants:
            own = samples[race.title, contestant.name]
            yield _LINE.format(
                contestant.name,
                f"{_per_second(own):,.0f}",
                f"{_per_second(own) / _per_second(reference):.3f}",
                f"{median(sample.p99_ms for sample in own):.1f}",
                f"{_cpu_us(own):.1f}",
                f"{_cpu_us(own) / _cpu_us(reference):.2f}",
                f"{median(sample.cpu_seconds / sample.seconds for sample in own):.0%}",
            )
        for contestant in race.contestants:
            if failed := failures(samples[race.title, contestant.name]):
                counts = ", ".join(f"{count:,} {kind}" for kind, count in failed.items())
                yield f"INVALID: {contestant.name} had {counts}; its figures mean nothing."


def failures(samples: Sequence[Sample]) -> Counter[str]:
    """Of all rounds together, by kind."""
    total: Counter[str] = Counter()
    for sample in samples:
        total.update(sample.failures)
    return total


def _per_second(samples: Sequence[Sample]) -> float:
    return median(sample.per_second for sample in samples)


def _cpu_us(samples: Sequence[Sample]) -> float:
    return median(sample.cpu_us for sample in samples)
