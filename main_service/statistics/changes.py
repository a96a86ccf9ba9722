"""How a figure changed against the period before, in signs and in words."""

from dataclasses import dataclass

_TIMES_FROM = 10
"""From this factor on, a change is shown as a multiple: "50 times" says more than "4,900 %"."""


@dataclass(frozen=True)
class Change:
    """A change. `signs` is short, for those who see it; `words` is for screen readers."""

    signs: str
    words: str


def get_change(now: int, before: int) -> Change:
    """The change of a figure, which is not negative, from the period before to this one."""
    if now == before:
        return Change("no change", "the same as in the period before")
    if before == 0:
        return Change("new", "none in the period before")
    if now >= _TIMES_FROM * before:
        times = f"{now / before:,.0f}"
        return Change(f"×{times}", f"{times} times the {before:,} of the period before")
    share = 100 * abs(now - before) / before
    percent = f"{share:.0f}" if share >= 1 else "<1"
    spoken = percent.replace("<", "less than ")
    if now > before:
        return Change(f"+{percent} %", f"{spoken} % more than the {before:,} of the period before")
    return Change(f"−{percent} %", f"{spoken} % less than the {before:,} of the period before")
