"""The memory of a web process: started, at its highest under load, and after an hour's worth of keys."""

from collections.abc import Sequence

from benchmarks.hour_of_keys import ADDRESSES, Hour
from benchmarks.memory import Memory
from benchmarks.page import Goal, Section, table

IDLE_MB, LOADED_MB = 120, 200


def memory_section(*, idle: Memory, after_races: Memory, hour: Hour) -> Section:
    rows = [
        ("started, has answered once", idle),
        ("after all the races", after_races),
        (f"another one, before {ADDRESSES:,} addresses", hour.before),
        (f"after {hour.requests:,} requests for them", hour.after),
    ]
    header = ["one web process, MB", "RSS", "PSS", "highest RSS"]
    lines = table(header, ([name, f"{it.rss:.0f}", f"{it.pss:.0f}", f"{it.peak:.0f}"] for name, it in rows))
    return Section(title="Memory", lines=lines, goals=_goals(idle, [after_races, hour.after]))


def _goals(idle: Memory, loaded: Sequence[Memory]) -> list[Goal]:
    highest = max(memory.peak for memory in loaded)
    form = "{:,.0f} MB"
    return [
        Goal(work="memory of one web process, idle", figure=idle.rss, bound=IDLE_MB, is_most=True, form=form),
        Goal(work="its highest under load", figure=highest, bound=LOADED_MB, is_most=True, form=form),
    ]
