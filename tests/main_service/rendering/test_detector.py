"""The child that finds languages: it comes with the first text, goes when none comes, and may be killed."""

import asyncio
import importlib.util
import os
import signal

import psutil
import pytest

from main_service.rendering.detector import ChildEndedError, LanguageDetector
from tests.support.waiting import eventually_async

HAS_MAGIKA = importlib.util.find_spec("magika") is not None


async def test_child_comes_with_the_first_text_and_goes_when_none_comes() -> None:
    async with LanguageDetector(idle_seconds=0) as detector:
        assert detector.pid is None
        assert await detector.detect("app.py", b"x") == "python"
        await eventually_async(lambda: detector.pid is None, "the end of the idle child")
        assert await detector.detect(None, b'{"a": 1}') == "json"


async def test_child_stays_for_the_next_text_and_ends_with_the_context() -> None:
    async with LanguageDetector() as detector:
        await detector.detect(None, b"#!/bin/sh\n")
        pid = detector.pid
        assert await detector.detect(None, b"just words\n") == ("" if HAS_MAGIKA else None)
        assert detector.pid == pid
        assert pid is not None
        assert psutil.Process(pid).nice() > psutil.Process().nice() + (10 if HAS_MAGIKA else 0)
    assert not psutil.pid_exists(pid)


async def test_after_a_child_was_killed_the_next_text_gets_another() -> None:
    async with LanguageDetector() as detector:
        await detector.detect("app.py", b"x")
        assert detector.pid is not None
        os.kill(detector.pid, signal.SIGKILL)
        with pytest.raises(ChildEndedError):
            await detector.detect("app.py", b"x")

        assert await detector.detect("app.rb", b"x") == "ruby"


async def test_text_after_a_child_that_was_killed_without_one_is_not_blamed_for_it() -> None:
    async with LanguageDetector() as detector:
        await detector.detect("app.py", b"x")
        assert detector.pid is not None
        os.kill(detector.pid, signal.SIGKILL)
        await eventually_async(lambda: detector.pid is None, "a child whose end was noticed")

        assert await detector.detect("app.rb", b"x") == "ruby"


async def test_cancelled_caller_leaves_no_answer_for_the_next() -> None:
    async with LanguageDetector() as detector:
        await detector.detect("app.py", b"x")
        caller = asyncio.create_task(detector.detect("app.py", b"x"))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

        assert await detector.detect("app.rb", b"x") == "ruby"
