"""How much memory a process takes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory in MB of 1,000,000 bytes."""

    rss: float
    """All pages that are in memory, those shared with other processes included."""
    pss: float
    """The same, pages that others use, too, by their share."""
    peak: float
    """The highest `rss` so far."""


def memory_of(pid: int) -> Memory:
    """The memory that a process uses now."""
    status = _sizes(Path(f"/proc/{pid}/status"))
    rollup = _sizes(Path(f"/proc/{pid}/smaps_rollup"))
    return Memory(rss=rollup["Rss"], pss=rollup["Pss"], peak=status["VmHWM"])


def _sizes(path: Path) -> dict[str, float]:
    """The lines `NAME: NUMBER kB`, which are KiB, in MB."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 / 1e6 for words in lines if words[-1:] == ["kB"]}
