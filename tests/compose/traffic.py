"""Visitors who ask all the time, and remember what went wrong."""

import threading
import time
from types import TracebackType

import httpx

PAUSE_SECONDS = 0.02


class Traffic:
    """Four visitors: two follow a link, one reads a paste, one makes links. Each on a connection of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._is_over = threading.Event()
        self.failures: list[str] = []
        self.answers = 0
        self.longest_seconds = 0.0
        with self._client() as client:
            link = client.post("/api/v1/links", json={"original_url": "https://example.org/"}).json()["key"]
            paste = client.post("/api/v1/pastes", json={"text": "read all the time"}).json()["key"]
        asked = (("GET", f"/{link}"), ("GET", f"/{link}"), ("GET", f"/{paste}/raw"), ("POST", "/api/v1/links"))
        self._threads = [threading.Thread(target=self._ask, args=each) for each in asked]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._address, trust_env=False, timeout=30)

    def _ask(self, method: str, path: str) -> None:
        body = {"original_url": "https://example.org/again"} if method == "POST" else None
        with self._client() as client:
            while not self._is_over.wait(PAUSE_SECONDS):
                began = time.monotonic()
                try:
                    status = client.request(method, path, json=body).status_code
                except httpx.TransportError as error:
                    self.failures.append(f"{method} {path}: {error!r}")
                else:
                    # The visitors share the limit of one address.
                    if status not in (200, 201, 302, 429):
                        self.failures.append(f"{method} {path}: {status}")
                self.answers += 1
                self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
