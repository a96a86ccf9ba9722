"""The last run of each background task, noted in Redis: a beat or worker that stopped shows from any container.

keygen_service notes the runs of its task in the same hash, with code of its own.
"""

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.settings_digests import Digests

LAST_RUNS = "tasks:{0}:last"
"""A hash. For each task NAME: `NAME:began`, when its last run began; `NAME:ended`, JSON about the last run that ended:
`at`, `seconds`, `outcome` and perhaps `error`; `NAME:done`, when a run last did its work; `NAME:settings`, JSON: the
digests of the settings that the last run was begun with. Times are in seconds since 1970."""


class Outcome(StrEnum):
    DONE = "done"
    PUT_OFF = "put_off"
    """A part was away; the next run goes on."""
    FAILED = "failed"


@dataclass(frozen=True)
class TaskRun:
    """The last runs of a task. Times are in seconds since 1970."""

    began_at: float | None
    """None: only its end is known."""
    ended_at: float | None = None
    """When the last run that ended did so; None: none has."""
    seconds: float | None = None
    outcome: Outcome | None = None
    error: str | None = None
    """The class of the error that ended it."""
    done_at: float | None = None
    """When a run last did its work; None: none has."""
    settings: Digests | None = None
    """Those that the last run was begun with; None: not known, as of keygen_service and of older releases."""
    details: dict[str, Any] | None = None
    """What else the run said of itself."""

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended: it runs, or its worker was killed."""
        return self.began_at is not None and (self.ended_at is None or self.began_at > self.ended_at)


class RunRecorder:
    """Notes one run of a task. Redis being away is no failure of the task: then nothing is noted."""

    def __init__(self, redis: RedisClient, name: str, *, settings: Digests) -> None:
        """`settings`: those that the run goes by."""
        self._settings = settings
        self._redis = redis
        self._name = name
        self._began_at = time.time()

    async def begin(self) -> None:
        self._began_at = time.time()
        await self._note(
            {f"{self._name}:began": str(self._began_at), f"{self._name}:settings": json.dumps(self._settings)}
        )

    async def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Note the end. Of `error` only the class is kept: its text may hold what users wrote."""
        now = time.time()
        about = {"at": now, "seconds": round(now - self._began_at, 3), "outcome": outcome.value}
        if error is not None:
            about["error"] = type(error).__name__
        fields: dict[FieldT, EncodableT] = {f"{self._name}:ended": json.dumps(about)}
        if outcome is Outcome.DONE:
            fields[f"{self._name}:done"] = str(now)
        await self._note(fields)

    async def _note(self, fields: dict[FieldT, EncodableT]) -> None:
        async def note(redis: Redis) -> None:
            await redis.hset(LAST_RUNS, mapping=fields)

        try:
            await self._redis.call(note)
        except RedisUnavailableError:
            # The client has logged it.
            pass


async def read_runs(redis: RedisClient) -> dict[str, TaskRun]:
    """The last run of each task that has one, by the task's name.

    Raises:
        RedisUnavailableError
    """

    async def read(redis: Redis) -> dict[bytes, bytes]:
        return cast("dict[bytes, bytes]", await redis.hgetall(LAST_RUNS))

    fields = {name.decode(): value.decode() for name, value in (await redis.call(read)).items()}
    names = {name.rpartition(":")[0] for name in fields}
    return {name: _read_run(name, fields) for name in sorted(names)}


def _read_run(name: str, fields: dict[str, str]) -> TaskRun:
    began, ended, done = (fields.get(f"{name}:{part}") for part in ("began", "ended", "done"))
    about: dict[str, Any] = json.loads(ended) if ended else {}
    outcome = about.pop("outcome", None)
    return TaskRun(
        began_at=float(began) if began else None,
        ended_at=about.pop("at", None),
        seconds=about.pop("seconds", None),
        outcome=Outcome(outcome) if outcome in list(Outcome) else None,
        error=about.pop("error", None),
        done_at=float(done) if done else None,
        settings=json.loads(fields[f"{name}:settings"]) if f"{name}:settings" in fields else None,
        details=about or None,
    )
