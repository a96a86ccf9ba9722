"""Whose answers are left when more lies unread than a process may hold."""

from typing import cast

import pytest

from main_service.http_server.unsent import UnsentAnswer, UnsentAnswers

MEBIBYTE = 1024 * 1024


class Reader:
    """An answer as the budget sees it. `taken`: bytes per second."""

    def __init__(self, name: str, *, taken: float) -> None:
        self.name = name
        self._taken = taken

    def pace(self) -> float:
        return self._taken

    def leave(self) -> None:
        left.append(self.name)


left: list[str] = []


@pytest.fixture(autouse=True)
def no_reader_left() -> None:
    left.clear()


def hold(answers: UnsentAnswers, reader: Reader, *, mebibytes: int, client: bytes | None) -> None:
    answers.hold(cast(UnsentAnswer, reader), size_bytes=mebibytes * MEBIBYTE, client=client)


def test_client_that_holds_most_gives_way_though_others_read_more_slowly() -> None:
    answers = UnsentAnswers(lambda: 0.0, budget_bytes=100 * MEBIBYTE)
    hold(answers, Reader("slow line", taken=10), mebibytes=10, client=b"a")
    for number in range(1, 11):
        hold(answers, Reader(f"flood {number}", taken=1000 - number), mebibytes=10, client=b"b")

    assert left == ["flood 10"]


def test_readers_behind_a_proxy_are_told_apart_and_the_largest_gives_way() -> None:
    answers = UnsentAnswers(lambda: 0.0, budget_bytes=100 * MEBIBYTE)
    hold(answers, Reader("small", taken=1), mebibytes=10, client=None)
    hold(answers, Reader("large", taken=1000), mebibytes=60, client=None)
    hold(answers, Reader("middling", taken=1000), mebibytes=40, client=None)

    assert left == ["large"]


def test_what_is_released_is_counted_for_its_client_no_more() -> None:
    answers = UnsentAnswers(lambda: 0.0, budget_bytes=100 * MEBIBYTE)
    first = Reader("read", taken=1)
    hold(answers, first, mebibytes=90, client=b"a")
    answers.release(cast(UnsentAnswer, first))
    hold(answers, Reader("second", taken=1), mebibytes=50, client=b"a")
    hold(answers, Reader("other", taken=1), mebibytes=60, client=b"b")

    assert left == ["other"]
