"""The traceback of an error as a log may hold it: where it was raised, and what may be said of it."""

import traceback
from collections.abc import Iterator

from main_service.monitoring.redaction import Redaction, describe

MAX_CHARACTERS = 6_000
"""Docker splits lines of more than 16 KiB, and the launcher those of more than 8."""
MAX_FRAMES = 25
"""How many frames of each error are shown: the last ones, where it was raised."""
MAX_ERRORS = 8
"""How many errors are shown that led to an error, or that are in a group."""


def traceback_lines(error: BaseException, redaction: Redaction) -> list[str]:
    """The lines of a traceback in Python's order, the error last; if it is too long, without those in the middle."""
    lines = list(_lines(error, redaction, seen=set()))
    kept = MAX_CHARACTERS // 2
    start, end = _fitting(lines, kept), _fitting(lines[::-1], kept)
    if start + end >= len(lines):
        return lines
    return [*lines[:start], f"… {len(lines) - start - end} lines …", *lines[-end:]]


def _fitting(lines: list[str], characters: int) -> int:
    """How many of the first lines have so many characters together; at least one."""
    for number, line in enumerate(lines):
        characters -= len(line) + 1
        if characters < 0:
            return max(number, 1)
    return len(lines)


def _lines(error: BaseException, redaction: Redaction, *, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    led_to_it = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if led_to_it is not None and id(led_to_it) not in seen and len(seen) < MAX_ERRORS:
        yield from _lines(led_to_it, redaction, seen=seen)
        yield "which led to:" if error.__cause__ is None else "which was the cause of:"
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):"
        frames = traceback.extract_tb(error.__traceback__)
        if len(frames) > MAX_FRAMES:
            yield f"  … {len(frames) - MAX_FRAMES} frames …"
        for frame in frames[-MAX_FRAMES:]:
            yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
            if frame.line:
                yield f"    {frame.line}"
    yield redaction.redact(describe(error))
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            if id(each) not in seen and len(seen) < MAX_ERRORS:
                yield "in a group with:"
                yield from _lines(each, redaction, seen=seen)
