"""A server that passes commands on to Valkey, but on some of its connections says that they are served elsewhere."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

from hiredis import Reader, pack_command

WAIT_SECONDS = 120.0
_SETTING_UP = {b"CLIENT", b"HELLO", b"SELECT", b"AUTH", b"PING", b"SCRIPT"}
"""Commands that every server answers, whatever keys it serves."""


class MovedRedis:
    """Listens at the unix socket `front`; runs in a thread of its own."""

    def __init__(self, front: Path, valkey: Path) -> None:
        self._front, self._valkey = front, valkey
        self._errors: dict[asyncio.StreamWriter, bytes] = {}
        self._error_for_all: bytes | None = None
        self._scripting: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "MovedRedis":
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def answer_with(self, error: bytes) -> None:
        """Answer this to every command on a key, on all connections, those to come included."""
        self._run(self._set(error, for_all=True))

    def serve_new_connections(self) -> None:
        """Serve new connections, as when another server took over the address; old ones go on as they were."""
        self._run(self._set(None, for_all=False))

    @property
    def moved_fast_paths(self) -> int:
        """Connections of fast paths that go on as they were; they alone load scripts before they are asked."""
        return len(self._scripting & self._errors.keys())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)

    async def _open(self) -> None:
        self._open_connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server = await asyncio.start_unix_server(self._talk, self._front)

    async def _close(self) -> None:
        self._server.close()
        # One may have come about meanwhile.
        while talks := list(self._open_connections):
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    async def _set(self, error: bytes | None, *, for_all: bool) -> None:
        self._error_for_all = error
        if for_all and error is not None:
            self._errors = dict.fromkeys(self._open_connections.values(), error)

    async def _talk(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open_connections[task] = to_client
        if self._error_for_all is not None:
            self._errors[to_client] = self._error_for_all
        try:
            valkey, to_valkey = await asyncio.open_unix_connection(self._valkey)
        except (OSError, asyncio.CancelledError):
            to_client.transport.abort()
            del self._open_connections[task]
            return
        answers = asyncio.ensure_future(_pass_on(valkey, to_client))
        commands = Reader()
        try:
            while chunk := await client.read(65536):
                commands.feed(chunk)
                while (command := commands.gets()) is not False:
                    words = cast("list[bytes]", command)
                    error = self._errors.get(to_client)
                    if words[0].upper() == b"SCRIPT":
                        self._scripting.add(to_client)
                    if error is None or words[0].upper() in _SETTING_UP:
                        to_valkey.write(cast("bytes", pack_command(tuple(words))))
                    else:
                        to_client.write(error + b"\r\n")
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            for writer in (to_client, to_valkey):
                writer.transport.abort()
            self._errors.pop(to_client, None)
            del self._open_connections[task]


async def _pass_on(valkey: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await valkey.read(65536):
            to_client.write(chunk)
