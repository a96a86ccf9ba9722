"""Fixtures of several folders, each of which imports them in its conftest.py."""

import pytest
import redis

from tests.support.visits import DEAD_LETTERS, STREAM


@pytest.fixture(autouse=True)
def empty_stream(request: pytest.FixtureRequest) -> None:
    """Empties the stream before each test that looks into Valkey, in each folder whose conftest.py imports this."""
    if "valkey" in request.fixturenames:
        valkey: redis.Redis = request.getfixturevalue("valkey")
        valkey.delete(STREAM, DEAD_LETTERS)
