"""What ends a start with one sentence for the person at the terminal, and how it names what can be chosen."""

import os


class StartError(Exception):
    """The start cannot go on; the text is a whole sentence that says what is wrong and what to do."""


def option(name: str) -> str:
    """How an option is chosen: `DATA=…` with make, which the Makefile tells us by SLIPBIN_MAKE, else `--data`."""
    return f"{name.upper()}=…" if os.environ.get("SLIPBIN_MAKE") else f"--{name}"
