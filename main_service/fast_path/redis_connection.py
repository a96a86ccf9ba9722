"""A connection to Redis for one caller that keeps running one script: no pool, no tasks, no wrappers, only bytes.

redis-py takes five times as much processor time for a command. It still makes the connection, so that MAIN_REDIS_URL
means the same everywhere.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast
from uuid import uuid4

from hiredis import PushNotification, Reader, ReplyError, pack_command
from redis.asyncio import BlockingConnectionPool, Connection
from redis.exceptions import InvalidResponse, RedisError

from main_service.engines.redis import NOT_SERVING

logger = logging.getLogger(__name__)

REPLY_SECONDS = 2.0
CONNECT_SECONDS = 2.0
RECONNECT_SECONDS = 1.0


class ConnectionLostError(Exception):
    """The connection ended before the reply came: Redis may have run the script, or not, or may still run it."""


class ReplyTimeoutError(ConnectionLostError):
    """The connection was ended because no reply came in time."""


RawReply = object
"""A reply as hiredis parses it: bytes, int, None, a list of these, or an exception."""


_pack = cast("Callable[[tuple[str | bytes | int, ...]], bytes]", pack_command)
"""hiredis declares a tuple of one."""


class RedisConnection(asyncio.Protocol):
    """Runs one script at a time, while it `is_ready`. It reconnects by itself."""

    def __init__(self, url: str, *, script: str) -> None:
        """`script`: the Lua source, loaded with each connection."""
        # The kind of pool that everything else uses: it takes the same options in the URL.
        self._pool = BlockingConnectionPool.from_url(
            url, protocol=2, socket_timeout=CONNECT_SECONDS, socket_connect_timeout=CONNECT_SECONDS
        )
        self._script = script
        self._script_hash = b""
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._reader = Reader()
        self._on_reply: Callable[[RawReply], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_lost = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep_connected())
        self.is_ready = False
        self.connection_name = ""
        """New with each connection. A lost reply ends its connection, so at most one reply was lost under a name."""

    def run_script(
        self, keys: Sequence[bytes | str], arguments: Sequence[bytes | str | int], on_reply: Callable[[RawReply], None]
    ) -> None:
        """Run the script; `on_reply` gets the reply, a `ReplyError` if Redis refuses, or a `ConnectionLostError`.

        `on_reply` must not raise. The next run may begin in it, or later.
        """
        assert self._transport is not None
        assert self._on_reply is None
        self._on_reply = on_reply
        self._timer = self._loop.call_later(REPLY_SECONDS, self._time_out)
        self._transport.write(_pack(("EVALSHA", self._script_hash, len(keys), *keys, *arguments)))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, PushNotification):
                continue
            if isinstance(reply, ReplyError) and str(reply).startswith(("NOSCRIPT", *NOT_SERVING)):
                # A new connection loads the script again, and may reach another server.
                self._lose()
            self._deliver(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose()
        self._deliver(ConnectionLostError(repr(exc)))

    async def close(self) -> None:
        """Close the connection; if a reply is awaited, `ConnectionLostError` takes its place."""
        self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeper
        await self._pool.aclose()

    def _deliver(self, reply: RawReply) -> None:
        if self._timer is not None:
            self._timer.cancel()
        on_reply, self._on_reply = self._on_reply, None
        if on_reply is not None:
            on_reply(reply)

    def _time_out(self) -> None:
        self._lose()
        self._deliver(ReplyTimeoutError(f"No reply within {REPLY_SECONDS:g} s"))

    def _lose(self) -> None:
        self.is_ready = False
        if self._transport is not None:
            self._transport.abort()
        self._is_lost.set()

    async def _keep_connected(self) -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        await self._connect()
                    await self._is_lost.wait()
                except (RedisError, OSError):
                    # RedisClient, which uses the same Redis, logs it.
                    pass
                except Exception:
                    # If this task ended, no connection would ever be made again.
                    logger.exception("The fast path can't connect to Redis")
                await self._disconnect()
                await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            await self._disconnect()

    async def _connect(self) -> None:
        self._connection = connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()
        self._is_lost.set()
        await connection.send_command("SCRIPT", "LOAD", self._script)
        script_hash = await connection.read_response()
        if not isinstance(script_hash, bytes):
            raise InvalidResponse("What answers is no Redis")
        # Nothing is awaited any more, so another protocol can take over the transport.
        transport = connection._writer.transport
        transport.set_protocol(self)
        if transport.is_closing():
            return
        self._transport = transport
        self._reader = Reader()
        self._script_hash = script_hash
        self.connection_name = uuid4().hex
        self._is_lost.clear()
        self.is_ready = True

    async def _disconnect(self) -> None:
        self._lose()
        self._transport = None
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)
        self._connection = None
        self._deliver(ConnectionLostError("The connection was closed"))
