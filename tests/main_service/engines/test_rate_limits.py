"""Counters of what a client may do so often and no more: on a real Valkey, and without one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from ipaddress import ip_address
from typing import cast
from uuid import uuid4

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from main_service.engines.memory_counters import LARGEST_NUMBER, SHARE
from main_service.engines.rate_limits import LARGEST_BATCH, RateLimit, RateLimiter, subject_of
from main_service.engines.redis import RedisClient
from main_service.settings.quotas import Quota, parse_byte_quotas, parse_quotas
from tests.support.engines import Environment, temporary_folder
from tests.support.own_valkey import address_of, own_valkey

SECRET = "a-secret-of-this-test-0123456789"
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
async def redis(environment: Environment) -> AsyncIterator[Redis]:
    async with Redis.from_url(environment["MAIN_REDIS_URL"]) as connection:
        yield connection


@pytest.fixture
async def limiter(redis: Redis) -> AsyncIterator[RateLimiter]:
    limiter = RateLimiter(RedisClient(redis))
    yield limiter
    await limiter.close()


@pytest.fixture
async def lonely() -> AsyncIterator[RateLimiter]:
    """A limiter whose Redis is away."""
    async with Redis.from_url(AWAY) as connection:
        limiter = RateLimiter(RedisClient(connection))
        yield limiter
        await limiter.close()


def limit(text: str, *, purpose: str = "") -> RateLimit:
    return RateLimit(purpose or f"test-{uuid4().hex}", parse_quotas(text), secret=SecretStr(SECRET))


async def test_no_more_is_allowed_than_the_quota_and_then_one_as_time_gives_it_back(limiter: RateLimiter) -> None:
    counters = limit("5/day").counters(b"ada")

    verdicts = [await limiter.take(counters) for _ in range(7)]

    assert [verdict.is_allowed for verdict in verdicts] == [True] * 5 + [False] * 2
    assert [verdict.remaining() for verdict in verdicts] == [[4], [3], [2], [1], [0], [0], [0]]
    fifth_of_a_day = 86_400 // 5
    assert fifth_of_a_day - 60 < verdicts[-1].retry_after_seconds <= fifth_of_a_day
    assert 86_400 - 60 < verdicts[-1].reset_seconds()[0] <= 86_400


async def test_quota_comes_back_with_time(limiter: RateLimiter) -> None:
    counters = limit("20/second").counters(b"ada")
    while (await limiter.take(counters)).is_allowed:
        pass
    verdict = await limiter.take(counters)
    assert verdict.wait <= 50_000, "a twentieth of a second, in microseconds"
    deadline = asyncio.get_running_loop().time() + 30
    while not verdict.is_allowed and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(verdict.wait / 1_000_000)
        verdict = await limiter.take(counters)
    assert verdict.is_allowed


async def test_clock_of_redis_that_was_set_back_makes_no_client_wait_until_it_is_there_again(
    limiter: RateLimiter, redis: Redis
) -> None:
    [counter] = limit("2/minute").counters(b"ada")
    await limiter.take([counter])
    two_hours = 7_200_000_000
    empty_at = int(await redis.get(counter.name) or 0)
    await redis.set(counter.name, empty_at + two_hours, px=two_hours // 1000)

    verdict = await limiter.take([counter])

    assert (verdict.is_allowed, verdict.retry_after_seconds) == (False, 30)


async def test_all_counters_of_a_request_are_moved_or_none(limiter: RateLimiter) -> None:
    wide, narrow = limit("10/day"), limit("2/day")
    both = [*wide.counters(b"ada"), *narrow.counters(b"ada")]

    allowed = [(await limiter.take(both)).is_allowed for _ in range(5)]

    assert allowed == [True, True, False, False, False]
    assert (await limiter.look(wide.counters(b"ada"))).remaining() == [8]


async def test_several_quotas_of_one_limit_all_hold(limiter: RateLimiter) -> None:
    counters = limit("2/second;3/day").counters(b"ada")
    while (verdict := await limiter.take(counters)).remaining()[1] > 0:
        await asyncio.sleep(verdict.wait / 1_000_000)
    refused = await limiter.take(counters)
    assert not refused.is_allowed
    assert refused.retry_after_seconds > 20_000


async def test_cost_is_what_a_request_counts_as(limiter: RateLimiter) -> None:
    in_bytes = RateLimit(f"test-{uuid4().hex}", parse_byte_quotas("1MiB/day"), secret=SecretStr(SECRET))

    assert (await limiter.take(in_bytes.counters(b"ada", cost=1024 * 1024 - 10))).is_allowed
    assert not (await limiter.take(in_bytes.counters(b"ada", cost=1024))).is_allowed
    assert (await limiter.take(in_bytes.counters(b"ada", cost=5))).is_allowed


async def test_subjects_and_purposes_have_counters_of_their_own(limiter: RateLimiter) -> None:
    one, other = limit("1/day"), limit("1/day")
    for counters in (one.counters(b"ada"), one.counters(b"bob"), other.counters(b"ada")):
        assert (await limiter.take(counters)).is_allowed
        assert not (await limiter.take(counters)).is_allowed


async def test_looking_moves_nothing_and_clearing_empties(limiter: RateLimiter) -> None:
    counters = limit("1/day").counters(b"ada")

    assert (await limiter.look(counters)).is_allowed
    assert (await limiter.look(counters)).is_allowed
    await limiter.take(counters)
    assert not (await limiter.look(counters)).is_allowed
    await limiter.clear(counters)
    assert (await limiter.take(counters)).is_allowed


async def test_requests_of_one_moment_share_calls_and_are_told_apart(limiter: RateLimiter, redis: Redis) -> None:
    shared, own = limit(f"{2 * LARGEST_BATCH}/day"), limit("1/day")

    async def calls() -> int:
        statistics = await redis.info("commandstats")
        return int(statistics.get("cmdstat_evalsha", {"calls": 0})["calls"])

    await limiter.take(limit("1/day").counters(b"loads the script"))
    before = await calls()
    subjects = [str(number // 2).encode() for number in range(4 * LARGEST_BATCH)]
    requests = [limiter.take([*own.counters(each), *shared.counters(b"all")]) for each in subjects]
    verdicts = await asyncio.gather(*requests)

    assert [verdict.is_allowed for verdict in verdicts] == [True, False] * (2 * LARGEST_BATCH)
    assert verdicts[-1].remaining() == [0, 0]
    assert await calls() - before < len(requests) / 4


async def test_of_many_at_once_exactly_the_quota_is_allowed_whatever_process_asks(
    environment: Environment, limiter: RateLimiter
) -> None:
    counters = limit("30/day").counters(b"ada")
    async with Redis.from_url(environment["MAIN_REDIS_URL"]) as connection:
        other = RateLimiter(RedisClient(connection))
        both = (limiter, other)
        verdicts = await asyncio.gather(*(both[number % 2].take(counters) for number in range(200)))
        await other.close()
    assert sum(verdict.is_allowed for verdict in verdicts) == 30


async def test_redis_has_no_subject_in_clear_and_forgets_counters_that_are_empty(
    limiter: RateLimiter, redis: Redis
) -> None:
    purpose = f"test-{uuid4().hex}"
    other_secret = RateLimit(purpose, (Quota(5, 60),), secret=SecretStr("another-secret-of-this-test"))
    address = ip_address("203.0.113.77")
    (counter,) = limit("5/minute", purpose=purpose).counters(subject_of(address))

    await limiter.take([counter])

    names = [name.decode() async for name in redis.scan_iter(f"*{purpose}*")]
    assert names == [counter.name]
    assert counter.name.startswith(f"limit:{{0}}:{purpose}:minute:")
    assert str(address) not in counter.name
    assert address.packed.hex() not in counter.name
    assert other_secret.counters(subject_of(address))[0].name != counter.name
    assert 0 < await cast("Awaitable[int]", redis.pttl(counter.name)) <= 12_000, "a fifth of the minute"


async def test_script_is_loaded_again_where_redis_has_lost_it() -> None:
    """In a Redis of its own: web processes of other tests take no batches for 2 s where theirs is lost."""
    with temporary_folder() as folder, own_valkey(folder):
        async with Redis.from_url(address_of(folder)) as redis:
            limiter = RateLimiter(RedisClient(redis))
            counters = limit("2/day").counters(b"ada")
            assert (await limiter.take(counters)).is_allowed
            await redis.script_flush()
            assert (await limiter.take(counters)).is_allowed
            assert not (await limiter.take(counters)).is_allowed
            await limiter.close()


def test_ipv6_is_counted_by_its_network_and_ipv4_by_the_address() -> None:
    def subject(address: str) -> bytes:
        return subject_of(ip_address(address))

    assert subject("2001:db8:1:2::1") == subject("2001:db8:1:2:ffff::9")
    assert subject("2001:db8:1:2::1") != subject("2001:db8:1:3::1")
    assert subject("192.0.2.1") != subject("192.0.2.2")
    assert subject_of(None) not in (subject("192.0.2.1"), subject("::1"))


async def test_without_redis_a_smaller_limit_holds_in_the_process(lonely: RateLimiter) -> None:
    counters = limit("10/day").counters(b"ada")
    assert [(await lonely.take(counters)).is_allowed for _ in range(10)] == [True] * (10 // SHARE) + [False] * 5
    assert not (await lonely.look(counters)).is_allowed
    await lonely.clear(counters)
    assert (await lonely.look(counters)).is_allowed
    assert (await lonely.take(limit("1/day").counters(b"ada"))).is_allowed, "at least one"


async def test_memory_of_the_limit_without_redis_is_bounded(lonely: RateLimiter) -> None:
    once = limit("1/day")
    await lonely.take(once.counters(b"first"))
    for number in range(LARGEST_NUMBER):
        lonely._own.ask(once.counters(str(number).encode()), moves=True)
    assert sum(map(len, lonely._own._empty_at.values())) == LARGEST_NUMBER
    assert (await lonely.take(once.counters(b"first"))).is_allowed, "it gave way"


async def test_without_redis_a_flood_of_one_purpose_pushes_out_no_counter_of_another(lonely: RateLimiter) -> None:
    sign_ins, scans = limit("1/day"), limit("1000/minute")
    await lonely.take(sign_ins.counters(b"ada"))
    for number in range(LARGEST_NUMBER + 1):
        lonely._own.ask(scans.counters(str(number).encode()), moves=True)
    assert not (await lonely.look(sign_ins.counters(b"ada"))).is_allowed


async def test_no_quota_is_no_limit_and_asks_no_engine(lonely: RateLimiter) -> None:
    counters = limit("").counters(b"ada")
    assert not counters
    assert (await lonely.take(counters)).is_allowed
    await lonely.clear(counters)


@pytest.mark.parametrize(
    ("text", "quotas"),
    [
        ("120/minute;1000/hour", (Quota(120, 60), Quota(1000, 3600))),
        (" 5 / day ; 1/second ", (Quota(5, 86_400), Quota(1, 1))),
        ("", ()),
        ("  ", ()),
    ],
)
def test_limits_are_read(text: str, quotas: tuple[Quota, ...]) -> None:
    assert parse_quotas(text) == quotas


def test_bytes_are_read_with_their_units() -> None:
    assert parse_byte_quotas("200MiB/hour;5GiB/day;100/second") == (
        Quota(200 * 1024**2, 3600),
        Quota(5 * 1024**3, 86_400),
        Quota(100, 1),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("120", "must look like 120/minute;1000/hour"),
        ("120/fortnight", "must look like"),
        ("-1/minute", "must look like"),
        ("1.5/minute", "must look like"),
        ("5MiB/hour", "must look like"),
        ("5/minute;", "must look like"),
        ("٣/minute", "must look like"),
        ("0/minute", "must be from 1 to"),
        ("5/minute;6/minute", "the same window twice"),
        ("999999999999999/minute", "must look like"),
    ],
)
def test_what_is_no_limit_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_quotas(text)
    with pytest.raises(ValueError, match="must be from 1 to"):
        parse_byte_quotas("999999999999GiB/day")
