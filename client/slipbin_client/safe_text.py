"""Text from elsewhere on its way to a terminal: nothing in it may move the cursor, ring, or turn the writing around."""

import re

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_A_LINE = re.compile(r"[\t\n]|" + _UNSAFE.pattern)


def safe_text(text: str) -> str:
    r"""The text with its lines and tabs, and with other control characters shown as `\x1b`. CRLF becomes LF."""
    return _UNSAFE.sub(_shown, text.replace("\r\n", "\n"))


def safe_line(text: str) -> str:
    r"""The text on one line: control characters are shown as `\x1b`, tabs and line feeds as `\t` and `\n`."""
    return _UNSAFE_IN_A_LINE.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
