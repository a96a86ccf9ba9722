"""Runs all checks at once, within a bound, and never fails because one of them does."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from main_service.doctor.findings import Finding, Report

SECONDS = 9.0
"""How long all checks together may take."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Check:
    subject: str
    run: Callable[[Report], Awaitable[None]]
    is_skipped_for: str | None = None
    """What is wrong already, so that it can't be checked; None: it is checked."""


async def examine(checks: Sequence[Check]) -> list[Finding]:
    """The findings of all checks, in their order."""
    reports = [Report(check.subject) for check in checks]
    running = [asyncio.create_task(_run(check, report)) for check, report in zip(checks, reports, strict=True)]
    if running:
        await asyncio.wait(running, timeout=SECONDS)
    for task, report in zip(running, reports, strict=True):
        if not task.done():
            report.problem(
                f"There was no answer within {SECONDS:g} s.",
                "It hangs, or the network swallows what is sent to it: look at its own log and at firewalls.",
            )
    return [finding for report in reports for finding in list(report.findings)]


async def _run(check: Check, report: Report) -> None:
    if check.is_skipped_for is not None:
        report.unknown(f"Not checked: {check.is_skipped_for}.")
        return
    try:
        await check.run(report)
    except Exception as error:
        report.problem(
            f"The check itself failed with {type(error).__name__}.", "Please report this with the version of Slipbin."
        )


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run a blocking function in a thread that is abandoned if it hangs, even at the end of the program."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def finish(result: Result | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:
            failure = error
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, result, failure)

    threading.Thread(target=run, daemon=True).start()
    return await outcome
