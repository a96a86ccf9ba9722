"""Batches of reads: one script in Redis finds their entries in the cache and records the visits to those found.

Group commit (DeWitt et al., 1984): while one batch is under way, the next one forms, so batches are as large as the
load makes them, and a single read does not wait for others.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import uuid4

from main_service.engines.redis import RedisClient
from main_service.engines.texts import TextCache
from main_service.entries.cache import HEAD_START, cache_key
from main_service.fast_path.redis_connection import ConnectionLostError, RawReply, RedisConnection, ReplyTimeoutError
from main_service.monitoring.metrics import PART_FAILURES
from main_service.monitoring.tallies import FAST_PATH
from main_service.visit_stream.pending import SET_LEFT_OUT, UnconfirmedVisit, left_out_name
from main_service.visit_stream.record import FORMAT, STREAM, EncodedVisit
from main_service.visit_stream.writer import VisitWriter

logger = logging.getLogger(__name__)

MAX_READS = 500
"""Reads in a batch."""
PAUSE_SECONDS = 2.0
"""How long Redis is not used after it refused a batch, because its memory is full, for example."""
REMEMBERED_TEXTS = 20_000
"""Keys for which the last `body_id` is remembered. If the text was changed since, one answer is slower."""

# KEYS: the stream, `left_out_name`, then the cached entries for those who follow a link, then for those who read a
# text. ARGV: the batch's id, the number of its format, the milliseconds since 1970, how many follow a link, the
# visits in the order of the cached entries, and for each text the `body_id` of that which the process has, or
# nothing. The answer for a read: if the cached entry is of what was wanted, the end of its head, from the letter
# for search engines on, and then the visit is recorded; of another text, the same behind a `?`; else nothing. Which
# visits a record lacks is written only if it lacks some, for `UnconfirmedBatch`.
_SCRIPT = f"""
local cached = redis.call('MGET', unpack(KEYS, 3))
local start, now, links = '{HEAD_START}', ARGV[3], tonumber(ARGV[4])
local answers, visits, left_out = {{}}, {{}}, {{}}
for i, value in ipairs(cached) do
  answers[i] = false
  local is_recorded = false
  if value and string.sub(value, 1, {len(HEAD_START)}) == start then
    local ending = string.find(value, '"', {len(HEAD_START) + 1}, true)
    local head = ending and string.sub(value, {len(HEAD_START) + 1}, ending - 1) or ''
    if string.sub(head, 2, 14) > now and string.sub(head, 1, 1) == (i <= links and 'L' or 'P') then
      if i <= links or string.sub(head, 16) == ARGV[4 + #cached + i - links] then
        answers[i] = string.sub(head, 15)
        visits[#visits + 1] = ARGV[4 + i]
        is_recorded = true
      else
        answers[i] = '?' .. string.sub(head, 15)
      end
    end
  end
  if not is_recorded then
    left_out[#left_out + 1] = i
  end
end
if #visits > 0 then
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'f', ARGV[2], 'v', '[' .. table.concat(visits, ',') .. ']')
  if #left_out > 0 then
    {SET_LEFT_OUT}
  end
end
return answers
"""


class PendingRead(Protocol):
    """A request to follow a link or read a text. One of the three methods is called, once."""

    key: str
    wants_text: bool
    """Whether `key` is to be a paste; otherwise a link."""
    visit: EncodedVisit

    def redirect(self, target: bytes, *, for_search_engines: bool) -> None:
        """Answer with a redirect to `target`; the visit is recorded."""

    def send_text(self, text: bytes, *, for_search_engines: bool) -> None:
        """Answer with the text, in UTF-8; the visit is recorded."""

    def fall_back(self, unconfirmed: UnconfirmedVisit | None) -> None:
        """Let FastAPI answer: the entry is not cached, or Redis does not answer. FastAPI records the visit.

        `unconfirmed`: Redis may have recorded it already, so the visit is to be added there.
        """


class ReadBatcher:
    """Answers the reads of a process in batches, or lets them fall back to FastAPI."""

    SCRIPT = _SCRIPT

    def __init__(
        self, redis: RedisConnection, redis_client: RedisClient, *, visit_writer: VisitWriter, texts: TextCache
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
        texts: list[tuple[PendingRead, str, bytes | None]] = []
        for _ in range(min(len(self._waiting), MAX_READS)):
            read = self._waiting.popleft()
            if read.wants_text:
                texts.append((read, *self._text_for(read.key)))
            else:
                links.append(read)
        reads = links + [read for read, _, _ in texts] if texts else links
        batch_id = str(uuid4())
        connection_name = self._redis.connection_name
        keys = [STREAM, left_out_name(connection_name), *[cache_key(read.key) for read in reads]]
        arguments: list[bytes | str | int] = [batch_id, FORMAT, time.time_ns() // 1_000_000, len(links)]
        arguments += [read.visit for read in reads]
        arguments += ["" if text is None else body_id for _, body_id, text in texts]

        sent_at = time.perf_counter()

        def on_reply(reply: RawReply) -> None:
            FAST_PATH.add_batch(len(reads), time.perf_counter() - sent_at)
            if isinstance(reply, list) and len(reply) == len(reads):
                if links:
                    self._answer_links(links, reply)
                if texts:
                    self._answer_texts(texts, reply[len(links) :])
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

    def _text_for(self, key: str) -> tuple[str, bytes | None]:
        """The `body_id` of the text that the entry had when it was last read, and the text if it is still in memory."""
        body_id = self._body_ids.get(key, "")
        return body_id, self._texts.get(body_id)

    def _answer_links(self, links: list[PendingRead], answers: list[bytes | None]) -> None:
        recorded = 0
        # The answers to links are followed by those to texts.
        for read, answer in zip(links, answers, strict=False):
            try:
                if answer is None:
                    read.fall_back(None)
                else:
                    recorded += 1
                    read.redirect(answer[1:], for_search_engines=answer[:1] == b"a")
            except Exception:
                # A bug, which must not leave the reads behind it without an answer.
                logger.exception("A read can't be answered")
        FAST_PATH.add_links(recorded, of=len(links))

    def _answer_texts(self, texts: list[tuple[PendingRead, str, bytes | None]], answers: list[bytes | None]) -> None:
        recorded = 0
        for (read, _, text), answer in zip(texts, answers, strict=True):
            try:
                if answer is None or text is None or answer[:1] == b"?":
                    self._remember(read.key, answer)
                    read.fall_back(None)
                else:
                    recorded += 1
                    read.send_text(text, for_search_engines=answer[:1] == b"a")
            except Exception:
                logger.exception("A read can't be answered")
        FAST_PATH.add_texts(recorded, of=len(texts))

    def _remember(self, key: str, answer: bytes | None) -> None:
        """Remember which text the entry has. The process gets the text itself when FastAPI reads it."""
        if answer is not None:
            if len(self._body_ids) >= REMEMBERED_TEXTS:
                self._body_ids.clear()
            self._body_ids[key] = answer[2:].decode()

    def _fall_back_all(self, reads: list[PendingRead], batch_id: str, connection_name: str, reason: RawReply) -> None:
        unconfirmed = None
        if isinstance(reason, ReplyTimeoutError):
            # These reads have waited long enough for Redis.
            self._redis_client.trip()
        if isinstance(reason, ConnectionLostError):
            unconfirmed = self._visit_writer.gather_unconfirmed(batch_id, connection_name)
        else:
            # Redis refuses, or what answers is no Redis.
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
