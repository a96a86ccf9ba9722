"""Traces: what the rest of the code says about them, whether they are on or off.

They are on where OTEL_EXPORTER_OTLP_ENDPOINT is set. Otherwise each function here returns at once.
"""

from collections.abc import Callable

_find_trace_id: Callable[[], str | None] | None = None


def current_trace_id() -> str | None:
    """The id of the trace that this code runs in, 32 hexadecimal digits, also if the trace is not sampled.

    None: traces are off, or this is no part of a request or task.
    """
    return None if _find_trace_id is None else _find_trace_id()
