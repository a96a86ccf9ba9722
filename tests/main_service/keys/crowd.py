"""Creates all the time, and reads at once what it has made."""

import asyncio
import time
from threading import Event, Thread

from tests.main_service.keys.plain_client import PlainClient
from tests.support.web import WebServer

AT_ONCE = 4


class Crowd:
    """As a context, creates links in one process and reads each at once in another."""

    def __init__(self, web: WebServer, reader: WebServer, *, pause_seconds: float = 0.0) -> None:
        """`pause_seconds`: after each link, so that the crowd leaves the processor to others."""
        self._web, self._reader = web, reader
        self._pause_seconds = pause_seconds
        self._is_ending = Event()
        self._threads = [Thread(target=self._go_on, daemon=True) for _ in range(AT_ONCE)]
        self.found: list[str] = []
        self.lost: list[tuple[str, int]] = []
        self.slowest_create_seconds = 0.0

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        for thread in self._threads:
            thread.join()

    async def wait_for(self, keys: int) -> None:
        while len(self.found) < keys:
            assert all(thread.is_alive() for thread in self._threads)
            await asyncio.sleep(0.1)

    def _go_on(self) -> None:
        with PlainClient(self._web) as creating, PlainClient(self._reader) as reading:
            while not self._is_ending.wait(self._pause_seconds):
                began_at = time.monotonic()
                key = creating.create_link()
                self.slowest_create_seconds = max(self.slowest_create_seconds, time.monotonic() - began_at)
                status = reading.get(f"/{key}")
                if status == 302:
                    self.found.append(key)
                else:
                    self.lost.append((key, status))
