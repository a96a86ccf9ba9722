"""Gates between a service and its engines: open, refusing, hanging, or stopped at an exact point of what they say.

So a part can be away for one test while other tests go on using it, and a process can be killed between two steps.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.support.engines import Environment, temporary_folder
from tests.support.ports import reserved_port

CHUNK_BYTES = 256 * 1024
WAIT_SECONDS = 120.0

Address = Path | tuple[str, int]
"""A unix socket, or host and port."""

Hold = Literal["request", "answer"]


class Stop:
    """A point in what a client says on one connection; a client that comes to it is held there until `release`."""

    def __init__(self, patterns: Sequence[bytes], hold: Hold) -> None:
        self.hold = hold
        self._patterns = patterns
        self._reached = threading.Event()
        self._released = threading.Event()

    def wait(self) -> None:
        """Wait until a client is held: its request has not been passed on, or has been and the engine has answered."""
        assert self._reached.wait(WAIT_SECONDS), f"no connection said {self._patterns}"

    def release(self) -> None:
        self._released.set()

    def steps_in(self, chunk: bytes, done: int) -> int:
        """How many of the patterns have been said, in their order, once `chunk` is said after `done` of them."""
        start = 0
        for pattern in self._patterns[done:]:
            found = chunk.find(pattern, start)
            if found < 0:
                break
            start, done = found + len(pattern), done + 1
        return done

    def is_reached_by(self, done: int) -> bool:
        return done == len(self._patterns) and not self._reached.is_set()

    async def hold_here(self) -> None:
        self._reached.set()
        while not self._released.is_set():
            await asyncio.sleep(0.01)


class Gate:
    """Listens at `front` and passes on to `back`; runs in a thread of its own. Starts open."""

    def __init__(self, front: Address, back: Address) -> None:
        self._front = front
        self._back = back
        self._stops: list[Stop] = []
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._is_open = False
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._open())

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        for stop in self._stops:
            stop.release()
        self._run(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Connections are cut, new ones refused, as by a server that was stopped."""
        self._run(self._refuse())
        try:
            yield
        finally:
            self._run(self._open())

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Connections stay, new ones are accepted, nothing passes; at the end all that waited does, as by SIGCONT."""
        self._loop.call_soon_threadsafe(self._flowing.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flowing.set)

    @contextmanager
    def stop_at(self, *patterns: bytes, hold: Hold) -> Iterator[Stop]:
        """Hold the first client that says these in this order on one connection: its last request, or the answer to it.

        PostgreSQL is told the text of a statement once for each connection, before it runs for the first time: use a
        fresh process, and hold the answer of COMMIT if the statement is to be done.
        """
        stop = Stop(patterns, hold)
        self._stops.append(stop)
        try:
            yield stop
        finally:
            stop.release()
            self._stops.remove(stop)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)

    async def _open(self) -> None:
        self._flowing.set()
        self._is_open = True
        if isinstance(self._front, Path):
            self._server = await asyncio.start_unix_server(self._talk, self._front)
        else:
            self._server = await asyncio.start_server(self._talk, *self._front)

    async def _refuse(self) -> None:
        self._is_open = False
        if self._server is not None:
            self._server.close()
        for talk in list(self._talks):
            talk.cancel()
        # Also those that have been accepted and not begun: what is left when the loop ends fails a later test.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        while others:
            await asyncio.wait(others)
            others = asyncio.all_tasks() - {asyncio.current_task()}

    async def _talk(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        writers = [to_client]
        try:
            if not self._is_open:
                raise ConnectionRefusedError
            await self._flowing.wait()
            if isinstance(self._back, Path):
                engine, to_engine = await asyncio.open_unix_connection(self._back)
            else:
                engine, to_engine = await asyncio.open_connection(*self._back)
            writers.append(to_engine)
            talk = _Talk(self._stops, self._flowing)
            passing = [
                asyncio.ensure_future(talk.pass_requests(client, to_engine)),
                asyncio.ensure_future(talk.pass_answers(engine, to_client)),
            ]
            try:
                await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for half in passing:
                    half.cancel()
                await asyncio.gather(*passing, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            # The engine is away, or the gate has been closed: the client finds its connection cut.
            pass
        finally:
            for writer in writers:
                writer.transport.abort()
            self._talks.discard(task)


class _Talk:
    """One connection. When one side leaves, the other is cut off too."""

    def __init__(self, stops: Sequence[Stop], flowing: asyncio.Event) -> None:
        self._stops = stops
        self._flowing = flowing
        self._done: dict[Stop, int] = {}
        self._holding_answer: Stop | None = None

    async def pass_requests(self, client: asyncio.StreamReader, engine: asyncio.StreamWriter) -> None:
        while chunk := await client.read(CHUNK_BYTES):
            await self._flowing.wait()
            stop = self._stop_reached(chunk)
            if stop is not None and stop.hold == "request":
                chunk += await self._read_while_held(client, stop)
            elif stop is not None:
                self._holding_answer = stop
            engine.write(chunk)
            await engine.drain()

    async def pass_answers(self, engine: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while chunk := await engine.read(CHUNK_BYTES):
            await self._flowing.wait()
            if self._holding_answer is not None:
                await self._holding_answer.hold_here()
                self._holding_answer = None
            client.write(chunk)
            await client.drain()

    def _stop_reached(self, chunk: bytes) -> Stop | None:
        for stop in list(self._stops):
            self._done[stop] = stop.steps_in(chunk, self._done.get(stop, 0))
            if stop.is_reached_by(self._done[stop]):
                return stop
        return None

    async def _read_while_held(self, client: asyncio.StreamReader, stop: Stop) -> bytes:
        """Read on while a client is held; one that leaves meanwhile takes its request with it."""
        held = asyncio.ensure_future(stop.hold_here())
        more = b""
        try:
            while not held.done():
                reading = asyncio.ensure_future(client.read(CHUNK_BYTES))
                await asyncio.wait([held, reading], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await reading
                elif not (chunk := reading.result()):
                    raise ConnectionAbortedError
                else:
                    more += chunk
        finally:
            held.cancel()
        return more


@dataclass(frozen=True)
class Gated:
    """`environment` is that of the engines themselves but for `ways`, which lead through the gates."""

    environment: Environment
    ways: Environment
    postgres: Gate
    valkey: Gate
    """The cache, ready keys, and what Celery says to its broker."""


@dataclass(frozen=True)
class GatedStore:
    environment: Environment
    store: Gate


@contextmanager
def gated_engines(environment: Environment) -> Iterator[Gated]:
    """Gates before PostgreSQL and Valkey, each on a unix socket as the engines are."""
    _, _, run_folder = environment["MAIN_DATABASE_URL"].partition("?host=")
    valkey = Path(urlsplit(environment["MAIN_REDIS_URL"]).path)
    with (
        temporary_folder() as folder,
        Gate(folder / ".s.PGSQL.5432", Path(run_folder) / ".s.PGSQL.5432") as postgres_gate,
        Gate(folder / "valkey.sock", valkey) as valkey_gate,
    ):
        ways = {
            name: value.replace(str(valkey), str(folder / "valkey.sock"))
            for name, value in environment.items()
            if name.endswith(("_REDIS_URL", "_BROKER_URL"))
        }
        ways["MAIN_DATABASE_URL"] = environment["MAIN_DATABASE_URL"].replace(run_folder, str(folder))
        yield Gated(environment | ways, ways, postgres_gate, valkey_gate)


@contextmanager
def gated_store(environment: Environment) -> Iterator[GatedStore]:
    """A gate before the S3 server of `environment`."""
    server = urlsplit(environment["MAIN_BODY_STORE_ENDPOINT"])
    assert server.hostname is not None
    assert server.port is not None
    with reserved_port() as port, Gate(("127.0.0.1", port), (server.hostname, server.port)) as gate:
        yield GatedStore(environment | {"MAIN_BODY_STORE_ENDPOINT": f"http://127.0.0.1:{port}"}, gate)
