"""JSON in lines that are indented, with every value as it was written.

Numbers are not parsed as numbers, nor objects as mappings, so that large integers, `1.10` and duplicate keys stay.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from main_service.rendering import highlighting
from main_service.rendering.job import Fragment, Option

MAX_CHARACTERS = 4 * 1024 * 1024
"""What indenting may make of a text: one that is deeply nested could become gigabytes."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_SHOWN_CHARACTERS = 30
"""How much of a faulty text is quoted."""
_LONGEST_KEY = 100
"""How much of a key is quoted."""


class _NotShownError(Exception):
    """The text is shown as code; the message says why."""


def render(text: str, _: Mapping[str, Option]) -> Fragment:
    """The kind `json` of the renderer: numbered lines, or nothing.

    Facts: those of highlighting; `refusal`: a sentence that says why the text is shown as code; `repeated_key`: a key
    that one object has twice, perhaps cut.
    """
    text = text.removeprefix("\ufeff")
    try:
        documents, repeated_key = _checked(text)
        pretty = _indented(documents)
    except _NotShownError as error:
        return Fragment("", {"refusal": str(error)})
    coloured = highlighting.render(pretty, {"syntax": "json"})
    return Fragment(coloured.html, {**coloured.facts, "repeated_key": repeated_key})


def _checked(text: str) -> tuple[Sequence[str], str | None]:
    """The documents of a text, one or one in each line, and a key that an object of theirs has twice.

    Raises:
        _NotShownError: they are not valid, or too deeply nested.
    """
    repeated: list[str] = []

    def note_repeated(pairs: list[tuple[str, object]]) -> None:
        if not repeated and len({key for key, _ in pairs}) < len(pairs):
            times = Counter(key for key, _ in pairs)
            repeated.append(_shortened(next(key for key, count in times.items() if count > 1)))

    # The hooks keep no values. `int` would take minutes for a million digits.
    decode = json.JSONDecoder(
        object_pairs_hook=note_repeated, parse_int=len, parse_float=len, parse_constant=_refuse_constant
    ).decode
    try:
        decode(text)
    except json.JSONDecodeError as error:
        documents = [line for line in text.split("\n") if line.strip()]
        if len(documents) < 2:
            raise _NotShownError(_fault(error)) from error
        for document in documents:
            try:
                decode(document)
            except (ValueError, RecursionError):
                # If the text is one document, the position in the whole is more useful than that in a line.
                raise _NotShownError(_fault(error)) from error
        return documents, repeated[0] if repeated else None
    except RecursionError as error:
        raise _NotShownError("This JSON is too deeply nested to be indented.") from error
    return [text], repeated[0] if repeated else None


def _shortened(key: str) -> str:
    # JSON can escape a lone surrogate, which a page can't contain.
    key = key.encode(errors="replace").decode()
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"


def _refuse_constant(name: str) -> NoReturn:
    raise _NotShownError(f"This isn't valid JSON: it has no {name}.")


def _fault(error: json.JSONDecodeError) -> str:
    near = error.doc[error.pos : error.pos + _SHOWN_CHARACTERS].partition("\n")[0].strip()
    message = error.msg.removesuffix(" at")
    where = f"line {error.lineno}, column {error.colno}"
    return f"This isn't valid JSON: {message} at {where}{f', near “{near}”' if near else ''}."


def _indented(documents: Sequence[str]) -> str:
    """Raises _NotShownError for a text that would become too long."""
    left = MAX_CHARACTERS
    parts: list[str] = []
    for document in documents:
        for part in _parts(document):
            left -= len(part)
            if left < 0:
                raise _NotShownError("This JSON is too deeply nested to be indented.")
            parts.append(part)
        parts.append("\n")
    return "".join(parts)


def _parts(document: str) -> Iterator[str]:
    """The tokens of a valid document, and the white space between them."""
    depth = 0
    last = ""
    for match in _TOKEN.finditer(document):
        part = match[0]
        if part in {"}", "]"}:
            depth -= 1
            if last not in {"{", "["}:
                yield "\n" + "  " * depth
        elif last in {"{", "[", ","}:
            yield "\n" + "  " * depth
        yield ": " if part == ":" else part
        depth += part in {"{", "["}
        last = part
