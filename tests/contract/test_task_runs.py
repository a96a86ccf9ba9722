"""keygen_service notes the runs of its task where main_service looks for them, and as it reads them."""

import pytest
import redis

import keygen_service.runs
from main_service import task_runs
from main_service.task_runs import Outcome, read_runs
from tests.support.engines import Environment
from tests.support.settings import task_resources


async def test_run_of_keygen_is_read_by_main_service(environment: Environment) -> None:
    assert keygen_service.runs.LAST_RUNS == task_runs.LAST_RUNS
    own = environment | {"MAIN_REDIS_URL": environment["MAIN_REDIS_URL"].replace("db=0", "db=10")}
    name = "keygen_service.top_up"
    with redis.Redis.from_url(own["MAIN_REDIS_URL"], decode_responses=True) as valkey:
        valkey.delete(task_runs.LAST_RUNS)
        with keygen_service.runs.noted_run(valkey, name, pool_size=500):
            pass
        with pytest.raises(ZeroDivisionError), keygen_service.runs.noted_run(valkey, "other.task"):
            raise ZeroDivisionError

    async with task_resources(own) as resources:
        runs = await read_runs(resources.redis)

    assert (runs[name].outcome, runs[name].is_running, runs[name].details) == (Outcome.DONE, False, {"pool_size": 500})
    assert runs[name].done_at == runs[name].ended_at
    assert (runs["other.task"].outcome, runs["other.task"].error) == (Outcome.FAILED, "ZeroDivisionError")
    assert runs["other.task"].done_at is None
