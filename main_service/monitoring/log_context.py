"""The context of log lines: the request that is being answered, or the task that is running."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import getrandbits

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_task: ContextVar[str | None] = ContextVar("task", default=None)


def new_request_id() -> str:
    """A new id: 64 random bits, in hexadecimal digits."""
    return f"{getrandbits(64):016x}"


def well_formed(request_id: bytes) -> str | None:
    """The id that a proxy sent, if it is 8 to 64 letters, digits, dots, dashes and underscores; else None."""
    return request_id.decode() if _WELL_FORMED.fullmatch(request_id) else None


def request_id() -> str | None:
    """The id of the request that is being answered; None outside of one."""
    return _request_id.get()


def begin_request(its_id: str) -> None:
    """Attribute what is logged in this context from now on to that request. Each request has its own context."""
    _request_id.set(its_id)


def task() -> str | None:
    """The name of the background task that runs; None outside of one."""
    return _task.get()


@contextmanager
def running_task(name: str) -> Iterator[None]:
    """Attribute what is logged in this context to that task."""
    token = _task.set(name)
    try:
        yield
    finally:
        _task.reset(token)
