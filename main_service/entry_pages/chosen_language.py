"""Another language than that of the paste, which a reader chooses by `?lang=` or by an extension behind the key."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request, Response

from main_service.engines.texts import TextChunks
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import LanguageUnknownError
from main_service.entries.permissions import Actor
from main_service.entries.syntaxes import is_syntax
from main_service.entry_pages.paste_page import is_to_be_coloured, paste_page
from main_service.entry_pages.previews import find_preview
from main_service.entry_pages.rendered_text import RenderedTexts
from main_service.entry_pages.views import View, preview_of
from main_service.errors import NotFoundError
from main_service.rendering.file_names import language_of_extension
from main_service.rendering.job import Option
from main_service.settings import Settings
from main_service.web.read_limits import read_limits_of

COUNTED_BYTES = 32 * 1024
"""How much text counts as one rendering, so that long texts leave the renderer time for other readers."""

LanguageQuery = Annotated[
    str | None,
    Query(description="Pastes, as pages: the language to show it in, an alias of a Pygments lexer."),
]


def asked_language(written: str | None) -> str | None:
    """The language that a query names; None: none, or it is empty.

    Raises:
        LanguageUnknownError: there is no such language.
    """
    language = (written or "").strip().lower()
    if language and not is_syntax(language):
        raise LanguageUnknownError
    return language or None


def language_in_path(extension: str) -> str:
    """The language of an extension behind a key, or the one that it names.

    Raises:
        NotFoundError: it is none.
    """
    if (language := language_of_extension(extension)) is not None:
        return language
    if is_syntax(alias := extension.lower()):
        return alias
    raise NotFoundError


def with_language(path: str, language: str | None) -> str:
    """The path with the language as its query, if one is chosen."""
    return path if language is None else f"{path}?lang={quote(language, safe='')}"


def in_language(entry: LiveEntry, language: str | None) -> LiveEntry:
    """The entry as if its author had named the language; None: as it is."""
    return entry if language in (None, entry.shown_syntax) else replace(entry, syntax=language)


async def limit_new_rendering(request: Request, entry: LiveEntry, language: str | None) -> None:
    """Count a request for which the text is rendered anew, only because its reader chose another language. A long
    text counts as several. To be called before a view is spent.

    Raises:
        TooManyRequestsError: the client has made too many.
    """
    if language is None or language == entry.shown_syntax:
        return
    preview = preview_of(language, b"")
    if not (is_to_be_coloured(in_language(entry, language)) or preview):
        return
    texts: RenderedTexts = request.app.state.rendered_texts
    kinds: list[tuple[str, Mapping[str, Option]]] = [("code", {"syntax": language})]
    if preview is not None:
        kinds.append((preview.kind, preview.options))
    if all(texts.find(entry, kind, options) is None for kind, options in kinds):
        cost = -(-(entry.size_bytes or 0) // COUNTED_BYTES)
        await read_limits_of(request).renderings.take(request, cost=max(cost, 1))


async def page_in_language(
    request: Request,
    settings: Settings,
    entry: LiveEntry,
    actor: Actor,
    chunks: TextChunks,
    asked: View | None,
    language: str,
) -> Response:
    """The page of the entry in another language. It is kept nowhere, but what is rendered of the text is."""
    entry = in_language(entry, language)
    preview = await find_preview(request.app.state.rendered_texts, entry, chunks, asked)
    return await paste_page(request, settings, entry, actor, chunks, preview, chosen_language=language)
