"""Many readers at once: one question to Redis finds the copies of their entries and records the visits to those found.

Group commit (DeWitt et al., 1984): while one batch is asked for, the next one forms, so batches are as large as the
moment makes them, and who comes alone waits for nobody.
"""

import asyncio
import logging
import time
from collections import deque
from typing import Protocol
from uuid import UUID, uuid4

from hiredis import ReplyError

from main_service.careful_redis import CarefulRedis
from main_service.entries.copies import HEAD_START, copy_name
from main_service.metrics import VISITS_RECORDED
from main_service.redis_pipeline import NoAnswerError, RedisPipeline, Reply, TooSlowError
from main_service.text_cache import TextCache
from main_service.visit_log import FORMAT, STREAM, HeldBatch, Visit, VisitLog

logger = logging.getLogger(__name__)

LARGEST_BATCH = 500
PAUSE_SECONDS = 2.0
"""After a refusal, such as that of a Redis whose memory is full."""
REMEMBERED_TEXTS = 20_000
"""Keys of which the current `body_id` is guessed; a wrong guess costs one slower answer."""

LINK = b"L"
TEXT = b"P"

# KEYS: the stream, then a copy for each reader. ARGV: the batch's id, the number of its format, the milliseconds since
# 1970; then, for each reader, the letter of the kind (with the `body_id` of the text that the process has), and the
# visit. The answer for a reader: if the copy is of what was wanted, the end of its head, from the letter for search
# engines on, and then the visit is recorded; of another text, the same behind a `?`; else nothing.
_SCRIPT = f"""
local copies = redis.call('MGET', unpack(KEYS, 2))
local start, now = '{HEAD_START}', ARGV[3]
local answers, visits = {{}}, {{}}
for i, copy in ipairs(copies) do
  answers[i] = false
  if copy and string.sub(copy, 1, {len(HEAD_START)}) == start then
    local ending = string.find(copy, '"', {len(HEAD_START) + 1}, true)
    local head = ending and string.sub(copy, {len(HEAD_START) + 1}, ending - 1) or ''
    local wanted, kind = ARGV[2 + 2 * i], string.sub(head, 1, 1)
    if string.sub(head, 2, 14) > now and kind == string.sub(wanted, 1, 1) then
      if kind == 'L' or string.sub(head, 16) == string.sub(wanted, 2) then
        answers[i] = string.sub(head, 15)
        visits[#visits + 1] = ARGV[3 + 2 * i]
      else
        answers[i] = '?' .. string.sub(head, 15)
      end
    end
  end
end
if #visits > 0 then
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'f', ARGV[2], 'v', '[' .. table.concat(visits, ',') .. ']')
end
return answers
"""


class Reader(Protocol):
    """Somebody who wants to follow a link or read a text. One of the three is called, once."""

    key: str
    wants_text: bool
    visit: Visit

    def follow(self, target: bytes, *, for_search_engines: bool) -> None:
        """The visit is recorded; answer."""

    def read(self, text: bytes, *, for_search_engines: bool) -> None:
        """The visit is recorded; answer."""

    def ask_elsewhere(self, held: HeldBatch | None) -> None:
        """No copy, or nothing that can be told from it; the visit is not recorded.

        `held`: it may be recorded after all. So if the answer is what was wanted, it is to be recorded there.
        """


class BatchedReads:
    """One per process."""

    SCRIPT = _SCRIPT

    def __init__(
        self, redis: RedisPipeline, careful_redis: CarefulRedis, *, visits: VisitLog, texts: TextCache
    ) -> None:
        """`careful_redis`: the same Redis, for those who are answered elsewhere."""
        self._redis = redis
        self._careful_redis = careful_redis
        self._visits = visits
        self._texts = texts
        self._loop = asyncio.get_running_loop()
        self._body_ids: dict[str, UUID] = {}
        self._waiting: deque[tuple[Reader, bytes, bytes | None]] = deque()
        """Reader, what is wanted, the text if it is one."""
        self._is_asking = False
        self._ask_again_at = 0.0

    @property
    def is_ready(self) -> bool:
        return self._redis.is_ready and time.monotonic() >= self._ask_again_at and not self._careful_redis.is_left_alone

    def join(self, reader: Reader) -> None:
        """Only while this `is_ready`. The answer comes later, never from within this call."""
        if reader.wants_text:
            body_id = self._body_ids.get(reader.key)
            text = self._texts.get(body_id) if body_id is not None else None
            wanted = TEXT if text is None or body_id is None else TEXT + body_id.hex.encode()
            self._waiting.append((reader, wanted, text))
        else:
            self._waiting.append((reader, LINK, None))
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
            for reader, _, _ in waiting:
                self._send_elsewhere(reader, None)
            return
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
        batch_id = str(uuid4())
        keys: list[bytes | str] = [STREAM]
        arguments: list[bytes | str | int] = [batch_id, FORMAT, time.time_ns() // 1_000_000]
        for reader, wanted, _ in batch:
            keys.append(copy_name(reader.key))
            arguments.append(wanted)
            arguments.append(reader.visit.encode())

        def settle(reply: Reply) -> None:
            self._settle(batch, batch_id, reply)
            self._ask()

        self._redis.run_script(keys, arguments, settle)

    def _settle(self, batch: list[tuple[Reader, bytes, bytes | None]], batch_id: str, reply: Reply) -> None:
        if isinstance(reply, list):
            VISITS_RECORDED.inc(sum(answer is not None and not answer.startswith(b"?") for answer in reply))
            for (reader, _, text), answer in zip(batch, reply, strict=True):
                try:
                    self._answer(reader, text, answer)
                except Exception:
                    # A bug, which must not leave those behind it without an answer.
                    logger.exception("A reader can't be answered")
            return
        held = None
        if isinstance(reply, TooSlowError):
            # They have waited long enough for it.
            self._careful_redis.leave_alone()
        if isinstance(reply, NoAnswerError):
            held = self._visits.hold(batch_id)
        else:
            assert isinstance(reply, ReplyError), reply
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
        logger.warning("Readers are answered without a batch: %s", reply)
        for reader, wanted, _ in batch:
            self._send_elsewhere(reader, held if wanted != TEXT else None)

    def _send_elsewhere(self, reader: Reader, held: HeldBatch | None) -> None:
        try:
            reader.ask_elsewhere(held)
        except Exception:
            logger.exception("A reader can't be answered")

    def _answer(self, reader: Reader, text: bytes | None, answer: bytes | None) -> None:
        if answer is None:
            reader.ask_elsewhere(None)
        elif answer[:1] == b"?":
            if len(self._body_ids) >= REMEMBERED_TEXTS:
                self._body_ids.clear()
            self._body_ids[reader.key] = UUID(answer[2:].decode())
            reader.ask_elsewhere(None)
        elif text is not None:
            reader.read(text, for_search_engines=answer[:1] == b"a")
        else:
            reader.follow(answer[1:], for_search_engines=answer[:1] == b"a")
