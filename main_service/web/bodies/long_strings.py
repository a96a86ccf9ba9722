"""Decodes the long strings of a JSON body piece by piece: in one go, each would hold up all other requests."""

import json
import re
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any

Span = tuple[int, int]
"""Where a string begins and ends in a body, its quotation marks included."""

_PIECE_BYTES = 128 * 1024

# As many whole characters as fit into a piece: complete escapes, both halves of a surrogate pair, nothing invalid.
_WHOLE = re.compile(
    rb'(?:[^"\\]++|\\[^u]|\\u(?:[0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|[dD][0-7c-fC-F][0-9a-fA-F]{2}'
    rb"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*+",
    re.DOTALL,
)


class StringTooLongError(ValueError):
    """A string has more characters than any may have."""


class LongStrings:
    """The long strings of a body, which stand aside while the rest of it is parsed."""

    def __init__(self, body: bytes, spans: Sequence[Span], *, max_characters: int | None) -> None:
        """`max_characters`: of one of them; None: as many as there are."""
        self._body = body
        self._max_characters = max_characters
        # Random, so that no short string of a body can be taken for one of the placeholders.
        mark = token_hex(8)
        self._spans = {f"{mark}{number}": span for number, span in enumerate(spans)}

    @property
    def rest(self) -> bytes:
        """The body, with a short string in place of each long one."""
        parts = bytearray()
        at = 0
        for name, (start, end) in self._spans.items():
            parts += self._body[at:start]
            parts += f'"{name}"'.encode()
            at = end
        return bytes(parts + self._body[at:])

    def filled_in(self, value: Any) -> Any:
        """The value of the rest, with the long strings where they belong. Names of objects stay short.

        Raises:
            ValueError: one of them is none of JSON, or isn't UTF-8.
            StringTooLongError: one has more than `max_characters`.
        """
        if isinstance(value, str):
            return self._decoded(*self._spans[value]) if value in self._spans else value
        if isinstance(value, Mapping):
            return {name: self.filled_in(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.filled_in(each) for each in value]
        return value

    def _decoded(self, start: int, end: int) -> str:
        pieces: list[str] = []
        characters = 0
        at, last = start + 1, end - 1
        while at < last:
            piece = self._body[at : self._end_of_piece(at, last)]
            pieces.append(json.loads(f'"{piece.decode()}"'))
            characters += len(pieces[-1])
            if self._max_characters is not None and characters > self._max_characters:
                raise StringTooLongError
            at += len(piece)
        return "".join(pieces)

    def _end_of_piece(self, at: int, last: int) -> int:
        found = _WHOLE.match(self._body, at, min(at + _PIECE_BYTES, last))
        assert found is not None, "the pattern matches nothing, too"
        end = found.end()
        # Don't cut a character of several bytes in two.
        while at < end < last and self._body[end] & 0xC0 == 0x80:
            end -= 1
        if end == at:
            raise ValueError("no text has this in it")
        return end
