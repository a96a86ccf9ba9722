"""Why a letter does not leave. No message names the recipient or a value."""


class UnwritableError(Exception):
    """The letter can't be written, now or later: its template, its values or its address are wrong."""


class UnreachableError(Exception):
    """No letter can leave now: the server is away, breaks off, or does not let us in."""


class RefusedError(Exception):
    """The server does not take this letter. Its own words are left out: they often name the recipient."""

    def __init__(self, code: int, *, is_permanent: bool) -> None:
        self.is_permanent = is_permanent
        super().__init__(f"refused with {code}")
