"""Why a text is shown plain."""


class NotRenderedError(Exception):
    """The text is to be shown plain, at least this time.

    `is_lasting`: trying again would fail again, so what is shown instead may be kept.
    """

    def __init__(self, reason: str, *, is_lasting: bool = False) -> None:
        super().__init__(reason)
        self.is_lasting = is_lasting
