"""Errors of the ingest: which of them pass by themselves, and what may be said of them without naming visitors."""

import traceback

from sqlalchemy.exc import DBAPIError

_ROLLED_BACK = "40"
"""The SQLSTATE class of deadlocks and of transactions that can't be serialized."""
_LOCK_NOT_AVAILABLE = "55P03"


def is_transient(error: Exception) -> bool:
    """Whether the same may well succeed the next time."""
    sqlstate = _sqlstate(error)
    return sqlstate.startswith(_ROLLED_BACK) or sqlstate == _LOCK_NOT_AVAILABLE


def describe(error: Exception) -> str:
    """What kind of error it is, and where it came from. Its message is left out: it may hold a row of a visitor."""
    place = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__} {_sqlstate(error)}\n{place}"


def _sqlstate(error: Exception) -> str:
    """Empty if the error is not PostgreSQL's. What COPY raises has not gone through SQLAlchemy."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) or ""
