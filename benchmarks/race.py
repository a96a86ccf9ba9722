"""A race: a piece of work, those who do it, and what Slipbin is to reach beside the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contestants import SLIPBIN, Contestant
from benchmarks.load import CONNECTIONS
from benchmarks.memory import Memory
from benchmarks.work import Work


@dataclass(frozen=True, kw_only=True)
class RaceGoal:
    """Slipbin's requests per second against those of the race's limit, or with `is_cpu` its CPU time per request."""

    work: str
    contestant: str = SLIPBIN
    """Whose figure it is."""
    bound: float
    is_cpu: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Race:
    title: str
    work: Work
    contestants: Sequence[Contestant]
    """The first is the limit of requests per second."""
    cpu_limit: str
    """The name of the one with whose CPU time per request the others' is compared."""
    expected_status: int
    connections: int = CONNECTIONS
    goals: Sequence[RaceGoal] = ()

    @property
    def limit(self) -> str:
        return self.contestants[0].name


@dataclass(frozen=True, kw_only=True)
class Races:
    redirect: Race
    raw: Race
    page: Race
    """The page of a paste; nginx serves the same bytes."""
    create: Race
    gateway: Race
    """The redirect, behind nginx and direct, of many visitors."""
    by_connections: Sequence[Race]
    """The redirect, with other numbers of connections than it has."""
    product: Contestant
    idle_memory: Memory
    """The memory of Slipbin before its first request."""
    links: Mapping[str, str]
    """Their addresses, by key."""
    texts: Mapping[str, str]
    """The texts of the pastes by key."""

    def all(self) -> list[Race]:
        return [self.redirect, *self.by_connections, self.gateway, self.raw, self.page, self.create]
