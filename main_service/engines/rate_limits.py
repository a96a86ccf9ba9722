"""Rate limits: counters of what a client does, kept in Redis, or in the process while Redis is away.

The generic cell rate algorithm (ITU-T I.371, 1996). A counter is one instant: when it will be empty again. A request
moves that instant on by its share of the window, and is allowed while it stays less than a window ahead. So a client
may do at once all that a window allows, and then as much as time gives back; at most twice the amount in any one
window, as with fixed windows. A refused request moves nothing, so trying again does not prolong the wait.

All counters of a request are read and moved together, by one script: all of them, or none. Concurrent requests share a
call of it (group commit, as in `entries.insert_batches`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, cast

from pydantic import SecretStr
from redis.asyncio import Redis

from main_service.engines.memory_counters import MemoryCounters
from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.engines.redis_scripts import Script
from main_service.engines.signing import Signer, SigningLabel
from main_service.monitoring import tracing
from main_service.settings.quotas import MICROSECONDS, Quotas

logger = logging.getLogger(__name__)

LARGEST_BATCH = 100
"""How many requests share one call of the script, so that it takes less than 1 ms of Redis."""
_REMEMBERED_SUBJECTS = 2_048
_IPV6_NETWORK_BYTES = 8
"""A client with IPv6 has all addresses of a /64."""

# KEYS[1] names the slot. ARGV[1]: words, with white space between; for each request how many counters it has, 1 if they
# are to be moved or 0 to look, and for each of its counters the name, the window and its step, in microseconds. All in
# one argument, because redis-py needs longer for each than the script for all of them. The reply, for each request: how
# long it must wait (0: it is allowed), and how far ahead each of its counters is.
_SLOT = "limit:{0}"
_SCRIPT = Script("""
local words, names, windows = {}, {}, {}
for word in string.gmatch(ARGV[1], '%S+') do
  words[#words + 1] = word
end
local position = 1
while position <= #words do
  for i = 1, tonumber(words[position]) do
    local name = words[position + 3 * i - 1]
    if not windows[name] then
      windows[name] = tonumber(words[position + 3 * i])
      names[#names + 1] = name
    end
  end
  position = position + 2 + 3 * tonumber(words[position])
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local empty_at, moved = {}, {}
for i, instant in ipairs(redis.call('MGET', unpack(names))) do
  -- Further ahead than a window it is only where the clock was set back.
  empty_at[names[i]] = math.min(math.max(tonumber(instant or 0), now), now + windows[names[i]])
end
local reply = {}
position = 1
while position <= #words do
  local first, last = position + 2, position + 3 * tonumber(words[position])
  local wait = 0
  for i = first, last, 3 do
    wait = math.max(wait, empty_at[words[i]] + tonumber(words[i + 2]) - now - tonumber(words[i + 1]))
  end
  reply[#reply + 1] = wait
  for i = first, last, 3 do
    local name = words[i]
    if wait == 0 and words[position + 1] == '1' then
      empty_at[name] = empty_at[name] + tonumber(words[i + 2])
      moved[name] = true
    end
    reply[#reply + 1] = empty_at[name] - now
  end
  position = last + 2
end
for name in pairs(moved) do
  redis.call('SET', name, string.format('%.0f', empty_at[name]), 'PX', math.ceil((empty_at[name] - now) / 1000))
end
return reply
""")

ClientAddress = IPv4Address | IPv6Address | None
"""The address that rate limits count by; None: the client can't be told from others, so it is not limited."""


def subject_of(address: ClientAddress) -> bytes | None:
    """The bytes of what is counted as one client: an address, with IPv6 its /64. None: the client is not limited."""
    if address is None:
        return None
    return address.packed if isinstance(address, IPv4Address) else address.packed[:_IPV6_NETWORK_BYTES]


class Counter(NamedTuple):
    """One counter and what a request adds to it. Times are in microseconds."""

    name: str
    """The counter's key in Redis."""
    window: int
    step: int
    """The part of the window that the request takes."""
    amount: int
    """How many requests, or bytes, the whole window allows."""
    words: str
    """Name, window and step, as the script reads them."""


class RateLimit:
    """The quotas of one purpose, from which each client gets its counters. Made once per process.

    Redis holds no addresses or names, but keyed hashes of them, with another key for each purpose.
    """

    def __init__(self, purpose: str, quotas: Quotas, *, secret: SecretStr, unit: str | None = None) -> None:
        """`unit`: what is counted, as named by draft-ietf-httpapi-ratelimit-headers; None: requests."""
        self.purpose = purpose
        self.quotas = quotas
        self.unit = unit
        self._key = Signer(secret, SigningLabel.RATE_LIMIT_KEY).sign(purpose.encode())
        self._names = lru_cache(_REMEMBERED_SUBJECTS)(self._make_names)
        self._for_one = lru_cache(_REMEMBERED_SUBJECTS)(lambda subject: self._make_counters(subject, 1))

    def counters(self, subject: bytes | None, *, cost: int = 1) -> Sequence[Counter]:
        """The counters of `subject`; empty if it has no limit. `cost`: how many requests, or bytes, to count."""
        if subject is None:
            return ()
        return self._for_one(subject) if cost == 1 else self._make_counters(subject, cost)

    def _make_counters(self, subject: bytes, cost: int) -> Sequence[Counter]:
        counters = []
        for name, (amount, seconds) in zip(self._names(subject), self.quotas, strict=True):
            window = seconds * MICROSECONDS
            step = -(-cost * window // amount)
            counters.append(Counter(name, window, step, amount, f"{name} {window} {step}"))
        return counters

    def _make_names(self, subject: bytes) -> list[str]:
        digest = blake2b(subject, key=self._key, digest_size=12).hexdigest()
        return [f"limit:{{0}}:{self.purpose}:{quota.window}:{digest}" for quota in self.quotas]


class Verdict(NamedTuple):
    """Whether a request is allowed by its counters."""

    counters: Sequence[Counter]
    wait: int
    """Microseconds until the request will be allowed; 0: it is, and has been counted if counters were moved."""
    ahead: Sequence[int]
    """Microseconds until each counter is empty."""

    @property
    def is_allowed(self) -> bool:
        return self.wait == 0

    @property
    def retry_after_seconds(self) -> int:
        """After how many seconds a request would be allowed; at least 1."""
        return max(1, -(-self.wait // MICROSECONDS))

    def remaining(self) -> list[int]:
        """How many more requests, or bytes, each counter allows now."""
        # Every create calls this, so it is written for speed.
        return [
            (counter.window - ahead) * counter.amount // counter.window if ahead < counter.window else 0
            for counter, ahead in zip(self.counters, self.ahead, strict=True)
        ]

    def reset_seconds(self) -> list[int]:
        """The seconds until each counter is empty."""
        return [-(-ahead // MICROSECONDS) for ahead in self.ahead]


NO_LIMIT = Verdict((), 0, ())


class _WaitingRequest(NamedTuple):
    counters: Sequence[Counter]
    moves: bool
    verdict: "asyncio.Future[Verdict]"
    origin: tracing.Origin


class RateLimiter:
    """Reads and moves counters, of any number of limits at once; one per process.

    To limit failures, `look` before the work, `take` for each failure, and `clear` after a success. No counter may be
    given twice in one call.
    """

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._own = MemoryCounters()
        self._waiting: deque[_WaitingRequest] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._is_alone = False

    async def take(self, counters: Sequence[Counter]) -> Verdict:
        """Count a request by all counters, or by none if one of them refuses it."""
        return await self._join(counters, moves=True)

    async def look(self, counters: Sequence[Counter]) -> Verdict:
        """What `take` would return, without counting."""
        return await self._join(counters, moves=False)

    async def clear(self, counters: Sequence[Counter]) -> None:
        """Empty the counters. While Redis is away, only those of this process are emptied."""
        if not counters:
            return
        names = [counter.name for counter in counters]
        self._own.clear(names)
        try:
            await self._redis.call(lambda redis: redis.unlink(*names))
        except RedisUnavailableError as error:
            logger.debug("Counters are not cleared in Redis: %s", error)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _join(self, counters: Sequence[Counter], *, moves: bool) -> Verdict:
        if not counters:
            return NO_LIMIT
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append(_WaitingRequest(counters, moves, verdict, tracing.origin()))
        if self._asking is None:
            # A task of its own, because it also serves requests other than the one that starts it.
            self._asking = asyncio.create_task(self._ask_for_all(), context=Context())
        return await verdict

    async def _ask_for_all(self) -> None:
        """Ask in batches until no request waits."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
                try:
                    with tracing.shared("ask limits", [waiting.origin for waiting in batch]):
                        verdicts = await self._ask(batch)
                except Exception as error:
                    for waiting in batch:
                        if not waiting.verdict.done():
                            waiting.verdict.set_exception(error)
                    continue
                for waiting, verdict in zip(batch, verdicts, strict=True):
                    # A cancelled request is still counted.
                    if not waiting.verdict.done():
                        waiting.verdict.set_result(verdict)
        finally:
            self._asking = None

    async def _ask(self, batch: Sequence[_WaitingRequest]) -> list[Verdict]:
        try:
            verdicts = await self._ask_redis(batch)
        except RedisUnavailableError as error:
            if not self._is_alone:
                self._is_alone = True
                logger.warning("Each process counts by itself, up to half of every limit: %s", error)
            return [
                Verdict(waiting.counters, *self._own.ask(waiting.counters, moves=waiting.moves)) for waiting in batch
            ]
        self._is_alone = False
        return verdicts

    async def _ask_redis(self, batch: Sequence[_WaitingRequest]) -> list[Verdict]:
        words: list[str] = []
        for counters, moves, *_ in batch:
            words.append(f"{len(counters)} {moves:d}")
            words += [counter.words for counter in counters]

        async def run(redis: Redis) -> list[Verdict]:
            reply = cast("list[int]", await _SCRIPT.run(redis, [_SLOT], [" ".join(words)]))
            if not isinstance(reply, list) or len(reply) != len(words):
                raise ValueError("this is no answer of the script")
            verdicts = []
            start = 0
            for counters, *_ in batch:
                end = start + 1 + len(counters)
                verdicts.append(Verdict(counters, reply[start], reply[start + 1 : end]))
                start = end
            return verdicts

        return await self._redis.call(run)
