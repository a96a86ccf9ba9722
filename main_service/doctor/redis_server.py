"""Checks Redis or Valkey: reach, version, policy, memory, rights, persistence, clock."""

import os
import time
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, NoPermissionError, RedisError, ResponseError

from main_service.doctor.addresses import causes_of, shown_address, why_unreachable
from main_service.doctor.clock import compare_clocks
from main_service.doctor.commands import typed
from main_service.doctor.findings import Report
from main_service.doctor.machine import judge_overcommit
from main_service.settings import Settings

OLDEST_VERSION = (7, 0)
"""The first that knows the flags with which our scripts begin."""
SECONDS = 3
_NEARLY_FULL = 0.8
_FULL = 0.95
_KEY = "health:{0}:doctor"
_PRIMARY = "Name the primary in MAIN_REDIS_URL and the other addresses of Redis, or make this one it: REPLICAOF NO ONE"
_WRITE_AND_READ = "redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return redis.call('GET', KEYS[1])"


async def check_redis(settings: Settings, report: Report) -> None:
    address = shown_address(settings.redis_url, default_port=6379)
    redis = Redis.from_url(
        settings.redis_url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=Retry(NoBackoff(), 0)
    )
    try:
        await redis.ping()
    except Exception as error:
        report.problem(*why_not(error, address))
        return
    report.ok(f"Redis answers at {address}.")
    await _check_writing(redis, report)
    try:
        before = time.time()
        seconds, microseconds = await redis.time()
        compare_clocks(seconds + microseconds / 1e6 - (before + time.time()) / 2, of="Redis", report=report)
        info: dict[str, Any] = await redis.info("everything")
    except NoPermissionError:
        report.problem(
            "The user of MAIN_REDIS_URL may not use INFO, so there is no filter of unknown keys.",
            "Give it the right: ACL SETUSER … +info",
        )
        return
    judge_server(info, report)
    judge_memory(info, report)
    judge_persistence(info, report)
    if info.get("total_system_memory") == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        judge_overcommit(report)


async def _check_writing(redis: "Redis", report: Report) -> None:
    written = uuid4().hex.encode()
    try:
        read = await redis.eval(_WRITE_AND_READ, 1, _KEY, written)
    except NoPermissionError:
        report.problem(
            "The user of MAIN_REDIS_URL may not run scripts or write our keys.",
            "Give it the rights: ACL SETUSER … ~* +@all -@dangerous +info",
        )
    except (ResponseError, RedisError) as error:
        report.problem(*why_no_write(str(error)))
    else:
        if read != written:
            report.problem("Redis does not keep what is written.", "See whether something between changes commands.")


def why_no_write(message: str) -> tuple[str, str]:
    """What an error of Redis means that refuses to write, or everything."""
    # redis-py takes the code off some messages.
    lowered = message.lower()
    if "oom" in lowered or "maxmemory" in lowered:
        return "Redis has no memory left and takes no writes.", "Raise maxmemory, and see what takes the memory."
    if "misconf" in lowered or "rdb" in lowered or "aof" in lowered or "persist" in lowered:
        return (
            "Redis takes no commands because it can't write to its disk: it is probably full.",
            "Make room on the disk of Redis; it continues by itself.",
        )
    if "read only" in lowered or "readonly" in lowered:
        return "Redis takes no writes: it is a replica.", _PRIMARY
    if "moved" in lowered or "cluster" in lowered:
        return "This Redis is part of a cluster, which Slipbin does not support.", "Use a single Redis or Valkey."
    return f"Redis takes no writes ({message.split(' ')[0]}).", "See the log of Redis."


def judge_server(info: dict[str, Any], report: Report) -> None:
    name = "Valkey" if "valkey_version" in info else "Redis"
    shown = str(info.get("valkey_version") or info.get("redis_version"))
    version = tuple(int(part) for part in str(info.get("redis_version", "0.0")).split(".")[:2])
    if version < OLDEST_VERSION:
        report.problem(f"{name} {shown} is too old for the scripts of Slipbin.", "Update it: 7.0 at least.")
    else:
        report.ok(f"It is {name} {shown}.")
    if info.get("cluster_enabled"):
        report.problem("It is part of a cluster, which Slipbin does not support.", "Use a single Redis or Valkey.")
    elif info.get("role") != "master":
        report.problem("It is a replica and takes no writes.", _PRIMARY)


def judge_memory(info: dict[str, Any], report: Report) -> None:
    policy = info.get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        report.problem(
            f"Redis deletes keys when its memory is full (maxmemory-policy is {policy}): visits and ready keys would "
            "be lost.",
            "Set maxmemory-policy noeviction.",
        )
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    machine = int(info.get("total_system_memory", 0))
    limit = most or machine
    if not limit:
        return
    share = used / limit
    what = "maxmemory" if most else "the machine's memory"
    advice = f"Raise maxmemory or add memory; {typed('status')} tells whether visits pile up in the stream."
    if share >= _FULL:
        report.problem(f"Redis uses {share:.0%} of {what}; without any left it takes no writes.", advice)
    elif share >= _NEARLY_FULL:
        report.warn(f"Redis uses {share:.0%} of {what}.", advice)
    else:
        report.ok(f"It uses {share:.0%} of {what} and evicts nothing.")


def judge_persistence(info: dict[str, Any], report: Report) -> None:
    if info.get("aof_last_write_status") == "err" or info.get("rdb_last_bgsave_status") == "err":
        report.problem(
            "The last time that Redis wrote its data to disk failed.",
            "Make room on its disk and see its log; with a fork that fails: sysctl vm.overcommit_memory=1",
        )
    if not info.get("aof_enabled"):
        report.warn(
            "Redis keeps no append-only file: what is not yet in PostgreSQL of visits is lost when it ends.",
            "Set appendonly yes and appendfsync everysec.",
        )
    else:
        report.ok("It keeps an append-only file.")


def why_not(error: BaseException, address: str) -> tuple[str, str]:
    for cause in causes_of(error):
        if isinstance(cause, AuthenticationError):
            return (
                f"Redis at {address} refuses user or password, or asks for one.",
                "Correct them in MAIN_REDIS_URL: redis://USER:PASSWORD@HOST:6379/0, percent-encoded.",
            )
        if isinstance(cause, BusyLoadingError):
            return f"Redis at {address} is loading its data.", "Wait; with many data it takes a minute."
        if isinstance(cause, NoPermissionError):
            return f"Redis at {address} lets the user do nothing.", "Give it rights with ACL SETUSER."
    if isinstance(error, ResponseError):
        return why_no_write(str(error))
    found = why_unreachable(error, address=address, setting="MAIN_REDIS_URL")
    return found or (
        f"Redis at {address} can't be asked ({type(error).__name__}).",
        "See its log, and whether MAIN_REDIS_URL names the right server.",
    )
