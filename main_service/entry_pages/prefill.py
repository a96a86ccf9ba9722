"""What the form for a new entry starts with when its URL says so: `/?text=`, `/?url=`, `/?title=`, `/?lang=`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from main_service.entries.field_types import MAX_TITLE_LENGTH
from main_service.entries.models import Kind
from main_service.entries.syntaxes import is_syntax
from main_service.entries.urls import MAX_URL_LENGTH
from main_service.entry_pages.create_form import KIND
from main_service.rendering.file_names import language_of_extension
from main_service.web.forms import Form

_LONGEST_TEXT = 32 * 1024
"""The longest text, in characters. The server reads no longer URL."""


@dataclass(frozen=True)
class Prefill:
    """The query of the page with the form. What can't be used is left out; nothing is refused."""

    kind: str = ""
    text: str = ""
    url: str = ""
    title: str = ""
    lang: Annotated[str, Query(description="An alias of a Pygments lexer, or the extension of a file.")] = ""

    @property
    def language(self) -> str:
        """The alias of the language; empty: none is given, or it is unknown."""
        asked = self.lang.strip().lower()
        return asked if is_syntax(asked) else language_of_extension(asked) or ""

    @property
    def form(self) -> Form:
        """The fields that are given, and the kind."""
        given = {
            "text": self.text[:_LONGEST_TEXT],
            "original_url": self.url[:MAX_URL_LENGTH],
            "title": self.title[:MAX_TITLE_LENGTH],
            "syntax": self.language,
        }
        kind = Kind.LINK if self.kind == Kind.LINK or (self.url and not self.text) else Kind.PASTE
        return {KIND: kind.value} | {name: value for name, value in given.items() if value}
