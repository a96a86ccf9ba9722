"""The language of a paste whose author names none: as its name or text declares, else as detected by magika."""

import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from main_service.rendering.content_types import is_log, language_of
from main_service.rendering.declared_languages import declared_language
from main_service.rendering.file_names import language_of_file_name
from main_service.rendering.job import Fragment, Option

if TYPE_CHECKING:
    from magika import Magika

SAMPLE_BYTES = 64 * 1024
"""How much of a text is looked at: half at its beginning, half at its end."""
NOTHING_FOUND = ""
"""Stored for a text in which no language was found. For one that was not looked at, NULL is stored."""

_MODELINE_PART = re.compile(rb"-\*-|(?:ft|filetype|syn|syntax)=")
_ENDS = 2_500
"""How many bytes at each end may hold a modeline."""
_JSON_START = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\d\]tfn-])")
_STARTS = (
    # These beginnings are unmistakable, however short the text is.
    ("diff", re.compile(r"diff --git |Index: \S[^\n]*\n=+\n|--- \S[^\n]*\n\+\+\+ \S[^\n]*\n@@ ")),
    ("pytb", re.compile(r"Traceback \(most recent call last\):\n")),
    ("html", re.compile(r"\s*<!doctype html[\s>]", re.IGNORECASE)),
    ("php", re.compile(r"\s*<\?(?:php\b|=)")),
    ("pem", re.compile(r"-----BEGIN [A-Z0-9 ]+-----\r?\n")),
)
_ANSI = re.compile(r"\x1b\[[\d;:]*m")
"""A colour of a terminal."""
_HTML_PART = re.compile(
    r"\s*<(?:html|head|body|div|table|ul|ol|section|article|nav|form|header|footer|main|p|span|h[1-6])(?:\s[^<>]*)?>",
    re.IGNORECASE,
)
"""The beginning of a part of a page, for which magika's confidence is often too low."""
_IN_THE_BACKGROUND = 10
"""Added to the niceness of the child: no one waits for it."""

Guess = Callable[[bytes], str]
"""Returns magika's label for the bytes of a text."""


def sample(text: bytes) -> bytes:
    """What is looked at, in whole characters of UTF-8: the text, or its beginning and end."""
    if len(text) <= SAMPLE_BYTES:
        return text
    half = SAMPLE_BYTES // 2
    return b"".join(part.decode(errors="ignore").encode() for part in (text[:half], text[-half:]))


def declared(title: str | None, sampled: bytes) -> str | None:
    """The language by file name, shebang or modeline, which takes microseconds; None: none is declared."""
    if title and (found := language_of_file_name(title)):
        return found
    # Quick check: nearly all texts have neither.
    has_shebang = sampled.startswith((b"#!", b"\xef\xbb\xbf#!"))
    if not has_shebang and not any(map(_MODELINE_PART.search, (sampled[:_ENDS], sampled[-_ENDS:]))):
        return None
    return declared_language(sampled.decode(errors="replace"))


def detect(title: str | None, sampled: bytes, guess: Guess | None) -> str:
    """The alias of the language, or `NOTHING_FOUND`. `guess`: None where magika is not installed."""
    if found := declared(title, sampled):
        return found
    text = sampled.decode(errors="replace")
    if found := _unmistakable(text):
        return found
    if is_log(text):
        return NOTHING_FOUND
    if guess is not None and (found := language_of(guess(sampled), text)):
        return found
    return "html" if _HTML_PART.match(text) and "</" in text else NOTHING_FOUND


def _unmistakable(text: str) -> str | None:
    if _ANSI.search(text):
        return "ansi"
    if _JSON_START.match(text) and _is_json(text):
        return "json"
    return next((language for language, start in _STARTS if start.match(text)), None)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def render(text: str, options: Mapping[str, Option]) -> Fragment:
    """The language as a fact of the text `options["title"]`, which is a sample; no HTML.

    `is_final` among the facts: whether magika was asked, where it had to be. Without it, nothing found means nothing.
    """
    title = options["title"]
    is_installed = find_spec("magika") is not None
    language = detect(title if isinstance(title, str) else None, text.encode(), _guess if is_installed else None)
    return Fragment("", {"language": language, "is_final": bool(language) or is_installed})


def _guess(sampled: bytes) -> str:
    return str(_magika().identify_bytes(sampled).prediction.output.label)


@cache
def _magika() -> "Magika":
    """The model, which takes 60 MB. Below the confidence that it has found each type to need it says `txt`."""
    from magika import Magika

    os.nice(_IN_THE_BACKGROUND)
    return Magika()
