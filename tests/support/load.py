"""Clients in threads of their own that visit or create all the time, and note what they were answered."""

import asyncio
import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Event, Thread
from uuid import uuid4

import httpx

from tests.support.entries import create_link, create_paste
from tests.support.raw_http import LoggedWebServer, PlainClient
from tests.support.visits import FIREFOX, GOOGLEBOT
from tests.support.waiting import eventually
from tests.support.web import WebServer

PAUSE_SECONDS = 0.03
"""Between two requests of a visitor, so that the crowd leaves the processor to what it visits."""
WAIT_SECONDS = 120.0

Counts = Counter[str]
"""How often, by the key of an entry."""


@dataclass
class Answers:
    """What one kind of visitors was answered."""

    answered: Counts = field(default_factory=Counter)
    lost: Counts = field(default_factory=Counter)
    """Requests without an answer."""


@dataclass(frozen=True)
class _Request:
    key: str
    path: str
    status: int
    seen: Answers
    method: str = "GET"
    user_agent: str = FIREFOX


class VisitingClients:
    """Each visitor has a link and a text of their own, and comes as a person, as a bot, and with HEAD.

    As a context, they come until its end. After each HEAD they connect anew, so that all processes get some of them.
    """

    def __init__(self, web: WebServer, *, visitors: int) -> None:
        self._web = web
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.people, self.bots, self.heads = Answers(), Answers(), Answers()
        self.slowest_seconds = 0.0
        self.keys: list[str] = []
        self._threads = [
            threading.Thread(target=self._come, args=(self._requests(),), daemon=True) for _ in range(visitors)
        ]

    def __enter__(self) -> "VisitingClients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()

    @property
    def answered(self) -> Counts:
        """Visits of people and bots."""
        return self.people.answered + self.bots.answered

    @property
    def lost(self) -> Counts:
        return self.people.lost + self.bots.lost

    def wait_for_answers(self, more: int) -> None:
        wanted = self.answered.total() + more
        eventually(lambda: self.answered.total() >= wanted, f"{more} more answers")

    def _requests(self) -> list[_Request]:
        link, paste = create_link(self._web.client)["key"], create_paste(self._web.client)["key"]
        self.keys += [link, paste]
        found = _Request(link, f"/{link}", 302, self.people)
        raw = _Request(paste, f"/{paste}/raw", 200, self.people)
        return [
            found,
            raw,
            _Request(link, f"/{link}", 302, self.bots, user_agent=GOOGLEBOT),
            found,
            _Request(paste, f"/{paste}/raw", 200, self.heads, method="HEAD"),
            _Request(paste, f"/{paste}/raw", 200, self.bots, user_agent=GOOGLEBOT),
            raw,
            _Request(link, f"/{link}", 302, self.heads, method="HEAD"),
        ]

    def _come(self, requests: list[_Request]) -> None:
        with self._web.new_client() as client:
            while not self._ending.is_set():
                for request in requests:
                    self._send(client, request)
                    self._ending.wait(PAUSE_SECONDS)

    def _send(self, client: httpx.Client, request: _Request) -> None:
        connection = "close" if request.method == "HEAD" else "keep-alive"
        headers = {"User-Agent": request.user_agent, "Connection": connection}
        began_at = time.monotonic()
        try:
            response = self._ask(client, request.method, request.path, headers)
        except httpx.TransportError:
            with self._lock:
                request.seen.lost[request.key] += 1
            return
        with self._lock:
            # Any other answer is found by its absence.
            request.seen.answered[request.key] += response.status_code == request.status
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began_at)

    def _ask(self, client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        return client.request(method, path, headers=headers)


CREATING_THREADS = 4


class CreatingClients:
    """A context manager that creates links in one process and reads each at once in another."""

    def __init__(self, web: WebServer, reader: WebServer, *, pause_seconds: float = 0.0) -> None:
        """`pause_seconds`: after each link, so that the crowd leaves the processor to others."""
        self._web, self._reader = web, reader
        self._pause_seconds = pause_seconds
        self._is_ending = Event()
        self._threads = [Thread(target=self._go_on, daemon=True) for _ in range(CREATING_THREADS)]
        self.found: list[str] = []
        self.lost: list[tuple[str, int]] = []
        self.slowest_create_seconds = 0.0

    def __enter__(self) -> "CreatingClients":
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


class RetryingClient:
    """Asks on kept connections, and again only if a connection failed before the first byte of an answer."""

    def __init__(self, web: LoggedWebServer, number: int) -> None:
        self._address = web.address.removeprefix("http://")
        self._chance = random.Random(number)
        self._connection = http.client.HTTPConnection(self._address, timeout=30)
        self.titles: list[str] = []
        self.retries = 0

    def run(self, is_over: threading.Event) -> "RetryingClient":
        while not is_over.is_set():
            title = uuid4().hex
            self.titles.append(title)
            url = f"https://example.org/{title}"
            status, _, body = self._ask("POST", "/api/v1/links", {"original_url": url, "title": title})
            assert status == 201, body
            entry = json.loads(body)
            assert entry["title"] == title
            status, location, body = self._ask("GET", f"/{entry['key']}")
            assert (status, location) == (302, url), body
            if self._chance.random() < 0.1:
                self._connection.close()
            time.sleep(self._chance.choice((0, 0.01, 0.1)))
        self._connection.close()
        return self

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, str | None, bytes]:
        while True:
            try:
                headers = {"Content-Type": "application/json"}
                self._connection.request(method, path, None if body is None else json.dumps(body), headers)
                response = self._connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self._connection.close()
                self.retries += 1
                continue
            return response.status, response.getheader("location"), response.read()
