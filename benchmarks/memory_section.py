"""The memory of a web process: started, at its highest under load, and after an hour's worth of keys."""

from benchmarks.hour_of_keys import ADDRESSES, Hour
from benchmarks.memory import Memory
from benchmarks.page import Goal, Section, counts_text, table

IDLE_MB, LOADED_MB = 120, 200


def memory_section(*, idle: Memory, after_races: Memory, after_crowd: Memory, hour: Hour) -> Section:
    rows = [
        ("started, has answered once", idle),
        ("after all the races", after_races),
        ("then a crowd signed in", after_crowd),
        (f"another one, before {ADDRESSES:,} addresses", hour.before),
        (f"after {hour.requests:,} requests for them", hour.after),
    ]
    header = ["one web process, MB", "RSS", "PSS", "highest RSS"]
    # Of what comes by the thousand; the memory that Argon2id takes is its purpose, and stands in the table.
    highest = max(after_races.peak, hour.after.peak)
    form, is_valid = "{:,.0f} MB", not hour.failures
    return Section(
        title="Memory",
        lines=table(header, ([name, f"{it.rss:.0f}", f"{it.pss:.0f}", f"{it.peak:.0f}"] for name, it in rows)),
        goals=[
            Goal(work="memory of one web process, idle", figure=idle.rss, bound=IDLE_MB, is_most=True, form=form),
            Goal(
                work="its highest under load, with an hour's worth of keys",
                figure=highest,
                bound=LOADED_MB,
                is_most=True,
                form=form,
                is_valid=is_valid,
            ),
        ],
        invalid=[] if is_valid else [f"Of the requests of an hour there were {counts_text(hour.failures)}."],
    )
