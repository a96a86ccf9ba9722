"""Visitors who come all the time, and count what they were answered."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.main_service.visits.ingesting import FIREFOX, GOOGLEBOT
from tests.support.entries import create_link, create_paste
from tests.support.web import WebServer

PAUSE_SECONDS = 0.01
"""Between two requests of a visitor, so that the crowd leaves the processor to what it visits."""
WAIT_SECONDS = 30.0

Counts = Counter[str]
"""By the key of an entry."""


@dataclass
class Seen:
    """Of one kind of visitors."""

    answered: Counts = field(default_factory=Counter)
    lost: Counts = field(default_factory=Counter)
    """Requests without an answer."""


@dataclass(frozen=True)
class _Request:
    key: str
    path: str
    status: int
    seen: Seen
    method: str = "GET"
    user_agent: str = FIREFOX


class Crowd:
    """Each visitor has a link and a text of their own, and comes as a person, as a bot, and with HEAD.

    As a context, they come until its end. After each HEAD they connect anew, so that all processes get some of them.
    """

    def __init__(self, web: WebServer, *, visitors: int) -> None:
        self._web = web
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.people, self.bots, self.heads = Seen(), Seen(), Seen()
        self.slowest_seconds = 0.0
        self.keys: list[str] = []
        self._threads = [
            threading.Thread(target=self._come, args=(self._requests(),), daemon=True) for _ in range(visitors)
        ]

    def __enter__(self) -> "Crowd":
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
        deadline = time.monotonic() + WAIT_SECONDS
        while self.answered.total() < wanted:
            assert time.monotonic() < deadline, "no answers"
            time.sleep(0.01)

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
            response = client.request(request.method, request.path, headers=headers)
        except httpx.TransportError:
            with self._lock:
                request.seen.lost[request.key] += 1
            return
        with self._lock:
            # Any other answer is found by its absence.
            request.seen.answered[request.key] += response.status_code == request.status
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began_at)
