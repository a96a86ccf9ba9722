"""Notes in Redis when the task last ran, where `python -m main_service status` looks for it.

The name of the hash and the fields are a contract with main_service.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.typing import EncodableT, FieldT

LAST_RUNS = "tasks:{0}:last"


@contextmanager
def noted_run(redis: Redis, name: str, **details: int) -> Iterator[None]:
    """Note begin and end of the run of a task around the block; an error in the block counts as its failure.

    details: what else to tell of the run.

    Raises:
        redis.RedisError: Redis does not answer; then the task has no work to do either.
    """
    began_at = time.time()
    redis.hset(LAST_RUNS, f"{name}:began", str(began_at))
    try:
        yield
    except Exception as error:
        _note_end(redis, name, began_at, {"outcome": "failed", "error": type(error).__name__, **details})
        raise
    _note_end(redis, name, began_at, {"outcome": "done", **details})


def _note_end(redis: Redis, name: str, began_at: float, about: dict[str, str | int]) -> None:
    now = time.time()
    ended = json.dumps({"at": now, "seconds": round(now - began_at, 3), **about})
    fields: dict[FieldT, EncodableT] = {f"{name}:ended": ended}
    if about["outcome"] == "done":
        fields[f"{name}:done"] = str(now)
    redis.hset(LAST_RUNS, mapping=fields)
