"""A stream of visits without those of other tests."""

import pytest
import redis

from tests.main_service.visits.ingesting import DEAD_LETTERS, STREAM


@pytest.fixture(autouse=True)
def empty_stream(request: pytest.FixtureRequest) -> None:
    """Empties the stream before each test that looks into Valkey, in each folder whose conftest.py imports this."""
    if "valkey" in request.fixturenames:
        valkey: redis.Redis = request.getfixturevalue("valkey")
        valkey.delete(STREAM, DEAD_LETTERS)
