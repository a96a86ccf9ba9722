"""What a form to edit an entry holds, and which of it was touched since the page was made."""

from collections.abc import Mapping
from hashlib import blake2b

from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind
from main_service.entry_pages.line_ends import as_in_form, can_be_in_form

VERSION = "version"
SEEN = "seen"
_BOX = "has_public_statistics"
"""A browser sends a box that is not ticked as no field."""
_LABELS = {
    "title": "Title",
    "original_url": "Address",
    "syntax": "Syntax",
    "visibility": "Visibility",
    _BOX: "Public statistics",
}


class EditForm:
    """The fields of an entry as a form shows them.

    The page carries the version of the entry and a digest of each field, so that a page that is older than the last
    change is known, and what was only passed through it is told from what was typed.
    """

    def __init__(self, entry: LiveEntry, text: str) -> None:
        """`text`: of a paste."""
        self.entry = entry
        self.is_editable = can_be_in_form(text)
        """Whether the form has a field for the text of a paste."""
        content = {"original_url": entry.original_url or ""}
        if entry.kind is Kind.PASTE:
            content = {"syntax": entry.syntax or ""} | ({"text": as_in_form(text)} if self.is_editable else {})
        self.fields = {
            "title": entry.title or "",
            "visibility": entry.visibility.value,
            _BOX: "yes" if entry.has_public_statistics else "",
            **content,
        }

    @property
    def version(self) -> str:
        return str(self.entry.version)

    @property
    def seen(self) -> str:
        return " ".join(f"{name}:{_digest(value)}" for name, value in self.fields.items())

    def touched(self, sent: Mapping[str, str]) -> dict[str, str]:
        """The fields that are sent with another value than the page had."""
        seen = _seen_in(sent)
        return {
            name: value
            for name, value in self.sent_values(sent).items()
            if (_digest(value) != seen[name] if name in seen else value != self.fields.get(name))
        }

    def sent_values(self, sent: Mapping[str, str]) -> dict[str, str]:
        """Of the fields, those that were sent; also a text that has no field any more."""
        names = self.fields if self.entry.kind is Kind.LINK else [*self.fields, "text"]
        return {name: sent.get(name, "") for name in names if name in sent or name == _BOX}

    def changed_since(self, sent: Mapping[str, str]) -> dict[str, str]:
        """Labels and present values of the fields besides the text that have another value than the page had."""
        seen = _seen_in(sent)
        return {
            label: self.fields[name] or ("no" if name == _BOX else "none")
            for name, label in _LABELS.items()
            if name in self.fields and name in seen and _digest(self.fields[name]) != seen[name]
        }


def _seen_in(sent: Mapping[str, str]) -> dict[str, str]:
    pairs = (item.partition(":") for item in sent.get(SEEN, "").split())
    return {name: digest for name, _, digest in pairs}


def _digest(value: str) -> str:
    return blake2b(value.encode(), digest_size=8).hexdigest()
