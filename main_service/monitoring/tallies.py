"""Counts frequent events in plain numbers, which are handed to prometheus-client once a second.

A labelled `inc` takes 2 µs, a tenth of a redirect.
"""

from bisect import bisect_left
from collections.abc import Callable
from threading import Lock

from prometheus_client import Counter, Histogram

from main_service.monitoring import metrics

HAND_OVER_SECONDS = 1.0
"""How often a process hands over, and so how late its metrics are for the others' scrapes."""

_hand_overs: list[Callable[[], None]] = []


def hand_over() -> None:
    """Hand over all that is added up. In a web process only its event loop may call it."""
    for each in _hand_overs:
        each()


class Count:
    """Events for a counter. One thread adds to it."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._count = 0

    def add(self) -> None:
        """Add an event."""
        self._count += 1

    def hand_over(self) -> None:
        if self._count:
            self._counter.inc(self._count)
            self._count = 0


class Sizes:
    """Observations for a histogram. One thread adds to it."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        # The library has no way to add many observations at once but these of its own.
        self._bounds: list[float] = histogram._upper_bounds
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Add an observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def hand_over(self) -> None:
        counts, total = self._counts, self._sum
        if not any(counts):
            return
        self._counts, self._sum = [0] * len(self._bounds), 0.0
        for bucket, count in zip(self._histogram._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._histogram._sum.inc(total)


class SharedSizes(Sizes):
    """The same for several threads."""

    def __init__(self, histogram: Histogram) -> None:
        super().__init__(histogram)
        self._lock = Lock()

    def add(self, value: float) -> None:
        with self._lock:
            super().add(value)

    def hand_over(self) -> None:
        with self._lock:
            super().hand_over()


class FastPathTally:
    """The batches of the fast path, and what became of the reads in them. For the event loop alone."""

    def __init__(self) -> None:
        self.fallbacks = 0
        """Reads that were passed to FastAPI."""
        self._redirects = self._texts = self._pages = 0
        self._sizes = Sizes(metrics.FAST_PATH_BATCH_SIZE)
        self._durations = Sizes(metrics.FAST_PATH_BATCH_DURATION)
        self._redirected, self._sent, self._shown, self._passed_on = (
            metrics.FAST_PATH_REQUESTS.labels(outcome) for outcome in ("redirect", "text", "page", "fallback")
        )
        self._redirect_answers = metrics.HTTP_REQUESTS.labels("/{key}", "GET", "302")
        self._text_answers = metrics.HTTP_REQUESTS.labels("/{key}/raw", "GET", "200")
        self._page_answers = metrics.HTTP_REQUESTS.labels("/{key}", "GET", "200")
        self._hits = metrics.CACHE_REQUESTS.labels("hit")

    def add_batch(self, size: int, seconds: float) -> None:
        """Count a batch of so many reads that was over after so many seconds."""
        self._sizes.add(size)
        self._durations.add(seconds)

    def add_links(self, redirects: int, *, of: int) -> None:
        """Count so many links of a batch that were answered, `of` all in it."""
        self._redirects += redirects
        self.fallbacks += of - redirects

    def add_texts(self, texts: int, *, of: int) -> None:
        """Count so many texts of a batch that were answered, `of` all in it."""
        self._texts += texts
        self.fallbacks += of - texts

    def add_pages(self, pages: int, *, of: int) -> None:
        """Count so many pages of a batch that were answered, `of` all in it."""
        self._pages += pages
        self.fallbacks += of - pages

    def hand_over(self) -> None:
        redirects, texts, pages, fallbacks = self._redirects, self._texts, self._pages, self.fallbacks
        self._redirects = self._texts = self._pages = self.fallbacks = 0
        if redirects or texts or pages or fallbacks:
            self._redirected.inc(redirects)
            self._redirect_answers.inc(redirects)
            self._sent.inc(texts)
            self._text_answers.inc(texts)
            self._shown.inc(pages)
            self._page_answers.inc(pages)
            self._passed_on.inc(fallbacks)
            # FastAPI looks up again what was passed on, and counts that.
            self._hits.inc(redirects + texts + pages)
            metrics.VISITS_RECORDED.inc(redirects + texts + pages)
        self._sizes.hand_over()
        self._durations.hand_over()


class _Route:
    """Requests of one route and method."""

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.durations: Sizes | None = None


class RequestTally:
    """Requests that FastAPI answered. For the event loop alone."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], _Route] = {}

    def add(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count a request. `route` and `method`: from sets that clients can't enlarge. `seconds`: None is not timed."""
        tally = self._routes.get((route, method))
        if tally is None:
            tally = self._routes[route, method] = _Route()
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        if seconds is None:
            return
        if tally.durations is None:
            tally.durations = Sizes(metrics.HTTP_DURATION.labels(route, method))
        tally.durations.add(seconds)

    def hand_over(self) -> None:
        for (route, method), tally in self._routes.items():
            for status, count in tally.statuses.items():
                metrics.HTTP_REQUESTS.labels(route, method, str(status)).inc(count)
            tally.statuses.clear()
            if tally.durations is not None:
                tally.durations.hand_over()


def _by_part() -> dict[str, SharedSizes]:
    return {part: SharedSizes(metrics.PART_CALL_DURATION.labels(part)) for part in metrics.PARTS}


ENTRIES_CREATED = {
    (kind, creator): Count(metrics.ENTRIES_CREATED.labels(kind, creator))
    for kind in metrics.KINDS
    for creator in metrics.CREATORS
}
"""The counters of created entries by kind and creator."""
FAST_PATH = FastPathTally()
REQUESTS = RequestTally()
PART_CALLS = _by_part()

_hand_overs += [FAST_PATH.hand_over, REQUESTS.hand_over]
_hand_overs += [sizes.hand_over for sizes in PART_CALLS.values()]
_hand_overs += [count.hand_over for count in ENTRIES_CREATED.values()]
