"""What ends a run before its end."""


class BenchmarkError(Exception):
    """The run cannot go on; the message is for the person who started it."""
