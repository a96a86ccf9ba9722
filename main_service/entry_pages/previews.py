"""The preview of a text, and what its page says about it; where there is none, why the text is shown as code."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from main_service.engines.texts import TextChunks
from main_service.entries.entry import LiveEntry
from main_service.entry_pages.rendered_text import RenderedTexts
from main_service.entry_pages.views import Preview, View, preview_of
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.job import Facts
from main_service.rendering.markup import MAX_MARKS, count_marks, escaped, marked

MAX_COPIED_BYTES = 128 * 1024
"""The page of a preview also holds a text up to this size as it was written, hidden, for the button that copies it."""


_LOOKED_AT_BYTES = 64 * 1024
"""How much of a text is looked at for what it is."""


@dataclass(frozen=True)
class ShownPreview:
    kind: str
    html: Markup
    remarks: Sequence[str]
    line_count: int
    """How many numbered lines it has; 0 for views without."""
    source: Markup | None
    """The text, for a script that copies it; None: it is too long, or not what HTML can hold."""


@dataclass(frozen=True)
class FoundPreview:
    """What there is of a preview."""

    exists: bool = False
    """Whether the reader can choose between it and the code."""
    shown: ShownPreview | None = None
    """None: the code is shown."""
    refusal: str | None = None
    """The sentence that says why the code is shown, where the preview was wanted."""


NO_PREVIEW = FoundPreview()


async def find_preview(texts: RenderedTexts, entry: LiveEntry, chunks: TextChunks, asked: View | None) -> FoundPreview:
    """The preview, if it is what is to be shown.

    `asked`: the view that the reader wants; None: the one that the language opens with.
    """
    # Where views are limited, switching to the preview would use another one, so the code is shown: it is complete.
    if entry.views_left is not None:
        return NO_PREVIEW
    preview = preview_of(entry.shown_syntax, await beginning(chunks, _LOOKED_AT_BYTES))
    if preview is None:
        is_wanted = asked is View.PREVIEW
        return FoundPreview(refusal="There is no preview of this text, so this is its code." if is_wanted else None)
    if asked is View.CODE or (asked is None and not preview.opens_first):
        return FoundPreview(exists=True)
    shown = await make_preview(texts, entry, chunks, preview)
    if isinstance(shown, str):
        return FoundPreview(exists=True, refusal=shown)
    return FoundPreview(exists=True, shown=shown)


async def make_preview(
    texts: RenderedTexts, entry: LiveEntry, chunks: TextChunks, preview: Preview
) -> ShownPreview | str:
    """The preview, or the sentence that says why there is none."""
    size_bytes = entry.size_bytes or 0
    is_cut = size_bytes > preview.max_bytes
    if is_cut and not preview.can_be_cut:
        return "This text is too long for a preview, so this is its code."
    options = {**preview.options, "is_cut": True} if is_cut else preview.options
    text = await beginning(chunks, preview.max_bytes)
    try:
        rendered = texts.find(entry, preview.kind, options) or await texts.render(entry, text, preview.kind, options)
    except NotRenderedError as error:
        when = "" if error.is_lasting else " at the moment"
        return f"A preview of this text can’t be shown{when}, so this is its code."
    if refusal := rendered.facts.get("refusal"):
        return f"{refusal} So this is its code."
    return ShownPreview(
        preview.kind,
        rendered.html,
        _remarks(rendered.facts),
        int(rendered.facts.get("lines") or 0),
        _source(text) if size_bytes <= MAX_COPIED_BYTES else None,
    )


async def beginning(chunks: TextChunks, max_bytes: int) -> bytes:
    """The first bytes of a text, without a character that is cut at the end."""
    parts: list[bytes] = []
    size_bytes = 0
    async for chunk in chunks:
        parts.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            return b"".join(parts)[:max_bytes].decode(errors="ignore").encode()
    return b"".join(parts)


def _remarks(facts: Facts) -> list[str]:
    remarks = []
    if facts.get("is_cut"):
        shown = f"first {facts['rows']:,} rows are" if "rows" in facts else "beginning is"
        remarks.append(f"Only the {shown} shown here; the rest is in Code and Raw.")
    if hidden := facts.get("hidden_columns"):
        remarks.append(f"{hidden:,} more columns are in Code and Raw.")
    if (key := facts.get("repeated_key")) is not None:
        remarks.append(f"An object has the key “{key}” more than once; programs differ on which one counts.")
    return remarks


def _source(text: bytes) -> Markup | None:
    written = text.decode()
    if count_marks(written) > MAX_MARKS:
        return None
    return Markup(marked(escaped(written)))  # noqa: S704 (escaped)
