"""A stream of visits without those of other tests."""

from tests.support.fixtures import empty_stream

__all__ = ["empty_stream"]
