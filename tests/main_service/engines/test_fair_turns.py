"""Turns go round the clients that wait."""

import asyncio

import pytest

from main_service.engines.fair_turns import FairTurns, QueueFullError

LONGEST = 3


class Scene:
    def __init__(self, count: int = 1) -> None:
        self.turns = FairTurns(count, longest_queue=LONGEST)
        self.order: list[str] = []

    async def wait(self, client: str | None, label: str = "") -> None:
        await self.turns.acquire(client)
        self.order.append(label or str(client))

    async def let_wait(self, *clients: str | None) -> list[asyncio.Task[None]]:
        waiting = [asyncio.create_task(self.wait(client)) for client in clients]
        await asyncio.sleep(0)
        return waiting

    async def finish(self) -> None:
        """End one turn; whose is the next has noted it when this returns."""
        self.turns.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_clients_that_wait_are_served_in_a_circle() -> None:
    scene = Scene()
    await scene.wait("first")
    await scene.let_wait("a", "a", "a", "b", "b", "c")

    for _ in range(6):
        await scene.finish()

    assert scene.order == ["first", "a", "b", "c", "a", "b", "a"]


async def test_queue_of_one_client_is_bounded_and_of_those_that_can_not_be_told_apart_not() -> None:
    scene = Scene()
    await scene.wait("first")
    await scene.let_wait(*["a"] * LONGEST)

    with pytest.raises(QueueFullError):
        await scene.turns.acquire("a")
    waiting = await scene.let_wait("b", *[None] * (LONGEST + 1))
    assert not any(task.done() for task in waiting)


async def test_client_that_gives_up_waiting_leaves_room_and_takes_no_turn() -> None:
    scene = Scene()
    await scene.wait("first")
    waiting = await scene.let_wait(*["a"] * LONGEST, "b")
    for task in waiting[:2]:
        task.cancel()
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    await scene.let_wait("a")

    for _ in range(4):
        await scene.finish()
    assert scene.order == ["first", "a", "b", "a"]
    await scene.wait("later")


async def test_turn_that_comes_in_the_moment_of_giving_up_goes_to_the_next() -> None:
    scene = Scene()
    await scene.wait("first")
    given_up, _ = await scene.let_wait("a", "b")

    scene.turns.release()
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    await asyncio.sleep(0)

    assert scene.order == ["first", "b"]


async def test_never_more_turns_than_there_are() -> None:
    scene = Scene(count=2)
    await scene.let_wait("a", "b", "c", "d")

    assert scene.order == ["a", "b"]
    await scene.finish()
    assert scene.order == ["a", "b", "c"]
