"""The error that ends a start with one sentence at the terminal, and how that sentence names options."""

import os


class StartError(Exception):
    """The start failed; the message is a sentence that says what is wrong and what to do."""


def option(name: str) -> str:
    """An option as users give it: `DATA=…` under make, which the Makefile tells by SLIPBIN_MAKE, else `--data`."""
    return f"{name.upper().replace('-', '_')}=…" if os.environ.get("SLIPBIN_MAKE") else f"--{name}"
