"""The parts that the service stands on, and how each is asked whether it works."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

from redis.asyncio import Redis
from sqlalchemy import text

from main_service.engines.redis import RedisClient
from main_service.engines.redis_scripts import Script
from main_service.resources import Resources

HEALTH_KEY = "health:{0}"
"""The key that each check writes; it expires after a minute."""
_WRITE_AND_READ = Script("""
redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)
return redis.call('GET', KEYS[1])
""")


async def ask_database(resources: Resources) -> None:
    async with resources.sessions() as session:
        await session.execute(text("SELECT 1"))


async def ask_redis(resources: Resources) -> None:
    """Check what Redis must be able to do: run a script that writes a key, in the slot of our keys, and reads it."""
    written = uuid4().hex.encode()

    async def write_and_read(redis: Redis) -> None:
        read = await _WRITE_AND_READ.run(redis, [HEALTH_KEY], [written])
        if read != written:
            raise ValueError("it has not kept what was written")

    client: RedisClient = resources.redis
    await client.call(write_and_read, bypass_breaker=True)


async def ask_text_store(resources: Resources) -> None:
    await resources.bodies.check()


PARTS: Mapping[str, Callable[[Resources], Awaitable[None]]] = {
    "database": ask_database,
    "redis": ask_redis,
    "text_store": ask_text_store,
}
"""For each part a question that returns if it works, or raises an AppError or RedisUnavailableError."""
