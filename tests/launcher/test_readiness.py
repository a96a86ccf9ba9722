"""Waiting for what takes long."""

from datetime import timedelta

from launcher.readiness import wait_until


async def test_what_is_missing_is_said_while_the_start_goes_on_trying() -> None:
    answers = iter(["Valkey does not answer", "Valkey does not answer", "there is no key", None])
    said: list[str] = []

    async def find_missing() -> str | None:
        return next(answers)

    await wait_until(find_missing, say=said.append, patience=timedelta(0))
    assert said == [
        "still not ready, and trying on: Valkey does not answer",
        "still not ready, and trying on: Valkey does not answer",
        "still not ready, and trying on: there is no key",
    ]


async def test_a_start_within_patience_is_silent() -> None:
    answers = iter(["Valkey does not answer", None])
    said: list[str] = []

    async def find_missing() -> str | None:
        return next(answers)

    await wait_until(find_missing, say=said.append)
    assert said == []
