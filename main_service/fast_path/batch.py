"""Batches of reads: one script in Redis finds their entries in the cache and records the visits to those found.

Group commit (DeWitt et al., 1984): while one batch is under way, the next one forms, so batches are as large as the
load makes them, and a single read does not wait for others.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from uuid import uuid4

from main_service.compression.encodings import IDENTITY, MIN_BYTES, Encoding
from main_service.engines.page_cache import Page
from main_service.engines.redis import RedisClient
from main_service.engines.texts import TextCache
from main_service.entries.cache import cache_key
from main_service.fast_path.redis_connection import ConnectionLostError, RawReply, RedisConnection, ReplyTimeoutError
from main_service.fast_path.script import SCRIPT
from main_service.monitoring.metrics import PART_FAILURES
from main_service.monitoring.tallies import FAST_PATH
from main_service.visit_stream.pending import UnconfirmedVisit, left_out_name
from main_service.visit_stream.record import FORMAT, STREAM, EncodedVisit
from main_service.visit_stream.writer import VisitWriter

logger = logging.getLogger(__name__)

MAX_READS = 500
"""Reads in a batch."""
PAUSE_SECONDS = 2.0
"""How long Redis is not used after it refused a batch, because its memory is full, for example."""
REMEMBERED_TEXTS = 20_000
"""Keys for which the last `body_id` is remembered. If the text was changed since, one answer is slower."""


class _KnownText(NamedTuple):
    """A text that the process may have in memory."""

    body_id: str
    content: bytes | None
    """None: it is not in memory, or not in this content coding."""
    coding: Encoding


class PendingRead(Protocol):
    """A request to follow a link, or to read a text or a page. One of the four methods is called, once."""

    key: str
    wants_text: bool
    """Whether the text of a paste is asked for."""
    coding: Encoding
    """The content coding for the text, if it is large enough to be compressed."""
    page: Page | None
    """The page that answers the request if its tag is still right. None: a page is not asked for, or not kept."""
    visit: EncodedVisit

    def redirect(self, target: bytes, *, for_search_engines: bool) -> None:
        """Answer with a redirect to `target`; the visit is recorded."""

    def send_text(self, text: bytes, *, coding: Encoding, for_search_engines: bool) -> None:
        """Answer with the text, in UTF-8 and this content coding; the visit is recorded."""

    def send_page(self) -> None:
        """Answer with `page`; the visit is recorded."""

    def fall_back(self, unconfirmed: UnconfirmedVisit | None) -> None:
        """Let FastAPI answer: the entry is not cached, or Redis does not answer. FastAPI records the visit.

        `unconfirmed`: Redis may have recorded it already, so the visit is to be added there.
        """


class ReadBatcher:
    """Answers the reads of a process in batches, or lets them fall back to FastAPI."""

    SCRIPT = SCRIPT

    def __init__(
        self,
        redis: RedisConnection,
        redis_client: RedisClient,
        *,
        visit_writer: VisitWriter,
        texts: TextCache,
    ) -> None:
        """`redis_client`: the client that FastAPI uses for the same Redis. They share its circuit breaker."""
        self._redis = redis
        self._redis_client = redis_client
        self._visit_writer = visit_writer
        self._texts = texts
        self._loop = asyncio.get_running_loop()
        self._body_ids: dict[str, str] = {}
        self._waiting: deque[PendingRead] = deque()
        self._is_running = False
        self._resume_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether a batch would be sent to Redis; otherwise reads fall back at once."""
        return self._redis.is_ready and time.monotonic() >= self._resume_at and not self._redis_client.is_open

    def join(self, read: PendingRead) -> None:
        """Answer the read in one of the next batches; never within this call."""
        self._waiting.append(read)
        if not self._is_running:
            self._start()

    join_of_proxy = join
    """The same, for a connection whose peer is a trusted proxy."""

    def _start(self) -> None:
        self._is_running = True
        self._loop.call_soon(self._run)

    def _run(self) -> None:
        """Send a batch of the reads that wait. When it is answered, the next is sent, until none waits."""
        if not self._waiting:
            self._is_running = False
            return
        if not self.is_ready:
            waiting, self._waiting = self._waiting, deque()
            self._is_running = False
            FAST_PATH.fallbacks += len(waiting)
            for read in waiting:
                self._fall_back(read, None)
            return
        links: list[PendingRead] = []
        texts: list[tuple[PendingRead, _KnownText]] = []
        pages: list[tuple[PendingRead, Page]] = []
        for _ in range(min(len(self._waiting), MAX_READS)):
            read = self._waiting.popleft()
            if read.wants_text:
                texts.append((read, self._text_for(read)))
            elif read.page is not None:
                pages.append((read, read.page))
            else:
                links.append(read)
        reads = links
        if texts or pages:
            reads = [*links, *(read for read, _ in texts), *(read for read, _ in pages)]
        batch_id = str(uuid4())
        connection_name = self._redis.connection_name
        keys = [STREAM, left_out_name(connection_name), *[cache_key(read.key) for read in reads]]
        ends = len(links), len(links) + len(texts)
        arguments: list[bytes | str | int] = [batch_id, FORMAT, time.time_ns() // 1_000_000, *ends]
        arguments += [read.visit for read in reads]
        arguments += ["" if text.content is None else text.body_id for _, text in texts]
        arguments += [page.tag for _, page in pages]

        sent_at = time.perf_counter()

        def on_reply(reply: RawReply) -> None:
            FAST_PATH.add_batch(len(reads), time.perf_counter() - sent_at)
            if isinstance(reply, list) and len(reply) == len(reads):
                if links:
                    self._answer_links(links, reply)
                if texts:
                    self._answer_texts(texts, reply[len(links) :])
                if pages:
                    self._answer_pages(pages, reply[len(links) + len(texts) :])
            else:
                self._fall_back_all(reads, batch_id, connection_name, reply)
            self._run()

        self._send(reads, keys, arguments, on_reply)

    def _send(
        self,
        _reads: Sequence[PendingRead],
        keys: Sequence[bytes | str],
        arguments: Sequence[bytes | str | int],
        on_reply: Callable[[RawReply], None],
    ) -> None:
        """Have the script run for these reads."""
        self._redis.run_script(keys, arguments, on_reply)

    def _text_for(self, read: PendingRead) -> "_KnownText":
        """The text that the entry had when it was last read, if it is still in memory as this reader wants it."""
        body_id = self._body_ids.get(read.key, "")
        content, coding = self._texts.get(body_id), IDENTITY
        if content is not None and read.coding != IDENTITY and len(content) > MIN_BYTES:
            coding = read.coding
            content = self._texts.get(body_id, coding)
        return _KnownText(body_id, content, coding)

    def _answer_links(self, links: list[PendingRead], answers: list[bytes | None]) -> None:
        recorded = 0
        # The answers to links are followed by those to texts and pages.
        for read, answer in zip(links, answers, strict=False):
            try:
                if answer is None:
                    read.fall_back(None)
                else:
                    recorded += 1
                    read.redirect(answer[1:], for_search_engines=answer[:1] == b"a")
            except Exception:
                # A bug in one read must not leave the following reads without an answer.
                logger.exception("A read can't be answered")
        FAST_PATH.add_links(recorded, of=len(links))

    def _answer_texts(self, texts: "list[tuple[PendingRead, _KnownText]]", answers: list[bytes | None]) -> None:
        recorded = 0
        for (read, text), answer in zip(texts, answers, strict=False):
            try:
                if answer is None or text.content is None or answer[:1] == b"?":
                    self._remember(read.key, answer)
                    read.fall_back(None)
                else:
                    recorded += 1
                    read.send_text(text.content, coding=text.coding, for_search_engines=answer[:1] == b"a")
            except Exception:
                logger.exception("A read can't be answered")
        FAST_PATH.add_texts(recorded, of=len(texts))

    def _answer_pages(self, pages: list[tuple[PendingRead, Page]], answers: list[bytes | None]) -> None:
        recorded = 0
        for (read, _), answer in zip(pages, answers, strict=True):
            try:
                if answer is None:
                    read.fall_back(None)
                else:
                    recorded += 1
                    read.send_page()
            except Exception:
                logger.exception("A read can't be answered")
        FAST_PATH.add_pages(recorded, of=len(pages))

    def _remember(self, key: str, answer: bytes | None) -> None:
        """Remember which text the entry has. The process gets the text itself when FastAPI reads it."""
        if answer is not None:
            if len(self._body_ids) >= REMEMBERED_TEXTS:
                self._body_ids.clear()
            self._body_ids[key] = answer[2:].decode()

    def _fall_back_all(self, reads: list[PendingRead], batch_id: str, connection_name: str, reason: RawReply) -> None:
        unconfirmed = None
        if isinstance(reason, ReplyTimeoutError):
            # These reads must not wait any longer for Redis.
            self._redis_client.trip()
        if isinstance(reason, ConnectionLostError):
            unconfirmed = self._visit_writer.gather_unconfirmed(batch_id, connection_name)
        else:
            # Redis refuses, or it isn't Redis that answers.
            self._resume_at = time.monotonic() + PAUSE_SECONDS
        logger.warning("Readers are answered without a batch: %s", reason)
        PART_FAILURES.labels("redis").inc()
        FAST_PATH.fallbacks += len(reads)
        for position, read in enumerate(reads, start=1):
            self._fall_back(read, None if unconfirmed is None else unconfirmed.at(position))

    def _fall_back(self, read: PendingRead, unconfirmed: UnconfirmedVisit | None) -> None:
        try:
            read.fall_back(unconfirmed)
        except Exception:
            logger.exception("A read can't be answered")
