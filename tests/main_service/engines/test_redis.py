"""Redis as something that may be away: whatever the client raises is no error of a request."""

from typing import Any, cast

import pytest
from redis.asyncio import Redis

from main_service.engines.redis import RedisClient, RedisUnavailableError


@pytest.mark.parametrize(
    "error", [RuntimeError("the transport is closed"), AttributeError("read"), IndexError(), KeyError()]
)
async def test_error_that_is_not_of_redis_says_that_it_is_away(error: Exception) -> None:
    async def fail(_: Any) -> None:
        raise error

    with pytest.raises(RedisUnavailableError) as raised:
        await RedisClient(cast("Redis", None)).call(fail)
    assert raised.value.__cause__ is error
