"""Statistics are read from what was ingested, so the stream holds each test's own visits only."""

from tests.support.fixtures import empty_stream

__all__ = ["empty_stream"]
