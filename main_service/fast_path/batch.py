"""Many readers at once: one question to Redis finds their entries in the cache and records the visits to those found.

Group commit (DeWitt et al., 1984): while one batch is asked for, the next one forms, so batches are as large as the
moment makes them, and who comes alone waits for nobody.
"""

import asyncio
import logging
import time
from collections import deque
from typing import Protocol
from uuid import uuid4

from main_service.engines.redis import RedisClient
from main_service.engines.texts import TextCache
from main_service.entries.cache import HEAD_START, cache_key
from main_service.fast_path.redis_connection import ConnectionLostError, RawReply, RedisConnection, ReplyTimeoutError
from main_service.monitoring.metrics import VISITS_RECORDED
from main_service.visit_stream.batches import SET_LEFT_OUT, UnconfirmedVisit, left_out_name
from main_service.visit_stream.record import FORMAT, STREAM, EncodedVisit
from main_service.visit_stream.writer import VisitWriter

logger = logging.getLogger(__name__)

LARGEST_BATCH = 500
PAUSE_SECONDS = 2.0
"""After a refusal, such as that of a Redis whose memory is full."""
REMEMBERED_TEXTS = 20_000
"""Keys of which the current `body_id` is guessed; a wrong guess costs one slower answer."""

# KEYS: the stream, `left_out_name`, then the cached entries for those who follow a link, then for those who read a
# text. ARGV: the batch's id, the number of its format, the milliseconds since 1970, how many follow a link, the
# visits in the order of the cached entries, and for each text the `body_id` of that which the process has, or
# nothing. The answer for a reader: if the cached entry is of what was wanted, the end of its head, from the letter
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


class Reader(Protocol):
    """Somebody who wants to follow a link or read a text. One of the three is called, once."""

    key: str
    wants_text: bool
    visit: EncodedVisit

    def follow(self, target: bytes, *, for_search_engines: bool) -> None:
        """The visit is recorded; answer."""

    def read(self, text: bytes, *, for_search_engines: bool) -> None:
        """The visit is recorded; answer."""

    def ask_elsewhere(self, unconfirmed: UnconfirmedVisit | None) -> None:
        """Not cached, or nothing that can be told from the cache; the visit is not recorded.

        `unconfirmed`: Redis may have recorded it after all, so if there is a visit, it is to be recorded there.
        """


class BatchedReads:
    """One per process."""

    SCRIPT = _SCRIPT

    def __init__(
        self, redis: RedisConnection, redis_client: RedisClient, *, visit_writer: VisitWriter, texts: TextCache
    ) -> None:
        """`redis_client`: the same Redis, for those who are answered elsewhere."""
        self._redis = redis
        self._redis_client = redis_client
        self._visit_writer = visit_writer
        self._texts = texts
        self._loop = asyncio.get_running_loop()
        self._body_ids: dict[str, str] = {}
        self._waiting: deque[Reader] = deque()
        self._is_asking = False
        self._ask_again_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether Redis is asked at all; else who joins is sent elsewhere."""
        return self._redis.is_ready and time.monotonic() >= self._ask_again_at and not self._redis_client.is_open

    def join(self, reader: Reader) -> None:
        """The answer comes later, never from within this call."""
        self._waiting.append(reader)
        if not self._is_asking:
            self._is_asking = True
            self._loop.call_soon(self._ask)

    def _ask(self) -> None:
        """Ask for a batch of those who wait; until it is settled, the others gather."""
        if not self._waiting:
            self._is_asking = False
            return
        if not self.is_ready:
            waiting, self._waiting = self._waiting, deque()
            self._is_asking = False
            for reader in waiting:
                self._send_elsewhere(reader, None)
            return
        links: list[Reader] = []
        texts: list[tuple[Reader, str, bytes | None]] = []
        for _ in range(min(len(self._waiting), LARGEST_BATCH)):
            reader = self._waiting.popleft()
            if reader.wants_text:
                texts.append((reader, *self._text_for(reader.key)))
            else:
                links.append(reader)
        readers = links + [reader for reader, _, _ in texts] if texts else links
        batch_id = str(uuid4())
        connection_name = self._redis.connection_name
        keys = [STREAM, left_out_name(connection_name), *[cache_key(reader.key) for reader in readers]]
        arguments: list[bytes | str | int] = [batch_id, FORMAT, time.time_ns() // 1_000_000, len(links)]
        arguments += [reader.visit for reader in readers]
        arguments += ["" if text is None else body_id for _, body_id, text in texts]

        def on_reply(reply: RawReply) -> None:
            if isinstance(reply, list) and len(reply) == len(readers):
                if links:
                    self._answer_links(links, reply)
                if texts:
                    self._answer_texts(texts, reply[len(links) :])
            else:
                self._send_all_elsewhere(readers, batch_id, connection_name, reply)
            self._ask()

        self._redis.run_script(keys, arguments, on_reply)

    def _text_for(self, key: str) -> tuple[str, bytes | None]:
        """The `body_id` of the text that the entry had when it was last read, and the text if it is still here."""
        body_id = self._body_ids.get(key, "")
        return body_id, self._texts.get(body_id)

    def _answer_links(self, links: list[Reader], answers: list[bytes | None]) -> None:
        recorded = 0
        # What is behind the links is the answers of the texts.
        for reader, answer in zip(links, answers, strict=False):
            try:
                if answer is None:
                    reader.ask_elsewhere(None)
                else:
                    recorded += 1
                    reader.follow(answer[1:], for_search_engines=answer[:1] == b"a")
            except Exception:
                # A bug, which must not leave those behind it without an answer.
                logger.exception("A reader can't be answered")
        VISITS_RECORDED.inc(recorded)

    def _answer_texts(self, texts: list[tuple[Reader, str, bytes | None]], answers: list[bytes | None]) -> None:
        recorded = 0
        for (reader, _, text), answer in zip(texts, answers, strict=True):
            try:
                if answer is None or text is None or answer[:1] == b"?":
                    self._remember(reader.key, answer)
                    reader.ask_elsewhere(None)
                else:
                    recorded += 1
                    reader.read(text, for_search_engines=answer[:1] == b"a")
            except Exception:
                logger.exception("A reader can't be answered")
        VISITS_RECORDED.inc(recorded)

    def _remember(self, key: str, answer: bytes | None) -> None:
        """Which text the entry has; the process gets it when it has been read by way of FastAPI."""
        if answer is not None:
            if len(self._body_ids) >= REMEMBERED_TEXTS:
                self._body_ids.clear()
            self._body_ids[key] = answer[2:].decode()

    def _send_all_elsewhere(self, readers: list[Reader], batch_id: str, connection_name: str, reason: RawReply) -> None:
        unconfirmed = None
        if isinstance(reason, ReplyTimeoutError):
            # They have waited long enough for it.
            self._redis_client.trip()
        if isinstance(reason, ConnectionLostError):
            unconfirmed = self._visit_writer.gather_unconfirmed(batch_id, connection_name)
        else:
            # Redis refuses, or what answers is no Redis.
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
        logger.warning("Readers are answered without a batch: %s", reason)
        for position, reader in enumerate(readers, start=1):
            self._send_elsewhere(reader, None if unconfirmed is None else unconfirmed.at(position))

    def _send_elsewhere(self, reader: Reader, unconfirmed: UnconfirmedVisit | None) -> None:
        try:
            reader.ask_elsewhere(unconfirmed)
        except Exception:
            logger.exception("A reader can't be answered")
