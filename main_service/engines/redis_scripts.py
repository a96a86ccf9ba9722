"""Lua scripts that Redis runs atomically. The source is sent only where Redis does not know it yet."""

from collections.abc import Sequence
from hashlib import sha1

from redis.asyncio import Redis
from redis.exceptions import NoScriptError


class Script:
    """A script, called by its hash."""

    def __init__(self, lua: str) -> None:
        self._lua = lua
        self._hash = sha1(lua.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[str | bytes | int] = ()) -> object:
        """The script's reply.

        Raises:
            redis.exceptions.RedisError: it failed, or Redis is away and may have run it.
        """
        try:
            return await redis.evalsha(self._hash, len(keys), *keys, *arguments)
        except NoScriptError:
            return await redis.eval(self._lua, len(keys), *keys, *arguments)
