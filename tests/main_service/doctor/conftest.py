"""A set-up in which nothing runs but the engines."""

import pytest

from tests.main_service.doctor.examined import RANDOM
from tests.support.engines import Environment


@pytest.fixture(scope="module")
def broken(environment: Environment) -> Environment:
    """Settings of an installation that has neither workers nor web processes."""
    # A broker that answers costs two seconds, as long as workers have to answer.
    broker = "redis+socket:///nowhere/valkey.sock?virtual_host=1"
    return environment | {"MAIN_SECRET": RANDOM, "MAIN_BROKER_URL": broker, "SLIPBIN_WEB_URL": "http://127.0.0.1:9"}
