"""Texts of many megabytes in forms, read and written in pieces.

Python's lock is held while a text is decoded, searched or escaped. In one go that is tens of milliseconds, in which no
other request is answered, even if a thread does it.
"""

import codecs
import secrets
from collections.abc import Iterable, Iterator
from io import IncrementalNewlineDecoder

from fastapi import Response
from markupsafe import escape

_PIECE = 64 * 1024
_LONG = 1_000_000
_MANY_LINES = 20_000
"""What has more is shown in part by `static/editor/text.js`, which knows these limits, too."""


def is_long(text: str) -> bool:
    """Whether a browser would take too long to lay the text out in a text area."""
    return len(text) > _LONG or text.count("\n") > _MANY_LINES


def text_in_form(chunks: Iterable[bytes]) -> str:
    """The UTF-8 text of all chunks as a browser shows it in a form, each line end a line feed."""
    decoder = IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")(), translate=True)
    pieces = [decoder.decode(piece) for chunk in chunks for piece in _pieces_of(chunk)]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _pieces_of(chunk: bytes) -> Iterator[bytes]:
    return (chunk[start : start + _PIECE] for start in range(0, len(chunk), _PIECE))


class LateTexts:
    """Long texts of a page. Its template writes marks, which the texts replace once it is rendered."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def mark(self, text: str) -> str:
        """What the template writes for this text: the text itself, if it is short."""
        if len(text) <= _PIECE:
            return text
        mark = secrets.token_hex(16)
        self._texts[mark] = text
        return mark

    def fill_in(self, response: Response) -> Response:
        """The rendered page with all texts."""
        parts: list[bytes] = []
        rest = bytes(response.body)
        # Marks are in the page in the order in which they were made.
        for mark, text in self._texts.items():
            head, found, rest = rest.partition(mark.encode())
            parts.append(head)
            if found:
                starts = range(0, len(text), _PIECE)
                parts.extend(escape(text[start : start + _PIECE]).encode() for start in starts)
        response.body = b"".join([*parts, rest])
        response.headers["content-length"] = str(len(response.body))
        return response
