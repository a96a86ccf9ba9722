"""The form that edits an entry: its fields, and which of them were touched since the page was rendered."""

from collections.abc import Mapping
from hashlib import blake2b

from main_service.entries.change import FIELDS_OF_OTHER_KIND
from main_service.entries.entry import FIELDS, LiveEntry
from main_service.entries.models import Kind
from main_service.entries.schemas import EntryChangeIn
from main_service.entry_pages.line_ends import as_in_form, can_be_in_form

VERSION = "version"
SEEN = "seen"
BOXES = ("has_public_statistics", "passes_query")
"""The names of the checkboxes. A browser sends no field for a box that is not ticked."""
_LABELS = {"original_url": "URL", "has_public_statistics": "Public statistics", "passes_query": "Pass on the query"}
_COLUMNS = [name for name in EntryChangeIn.model_fields if name in FIELDS and name != "expires_at"]
_COLUMNS.sort(key=("visibility", *BOXES).__contains__)
"""The columns of an entry that the form changes, in the order of the page."""


class EditForm:
    """The fields of an entry as a form shows them.

    The page carries the version of the entry and a digest of each field, so that a page that is older than the last
    change is known, and what was only passed through it is told from what was typed.
    """

    def __init__(self, entry: LiveEntry, text: str) -> None:
        """`text`: the text of a paste, empty for a link."""
        self.entry = entry
        self.is_editable = can_be_in_form(text)
        """Whether the text of a paste can be edited in a form."""
        names = [name for name in _COLUMNS if name not in FIELDS_OF_OTHER_KIND[entry.kind]]
        self.fields = {name: _in_form(getattr(entry, name)) for name in names}
        if entry.kind is Kind.PASTE and self.is_editable:
            self.fields["text"] = as_in_form(text)

    @property
    def version(self) -> str:
        return str(self.entry.version)

    @property
    def seen(self) -> str:
        return " ".join(f"{name}:{_digest(value)}" for name, value in self.fields.items())

    def touched(self, sent: Mapping[str, str]) -> dict[str, str]:
        """The fields that were sent with another value than the page had."""
        seen = _seen_in(sent)
        return {
            name: value
            for name, value in self.sent_values(sent).items()
            if (_digest(value) != seen[name] if name in seen else value != self.fields.get(name))
        }

    def sent_values(self, sent: Mapping[str, str]) -> dict[str, str]:
        """Values of those fields that were sent; also of a text that can no longer be edited."""
        names = self.fields if self.entry.kind is Kind.LINK else [*self.fields, "text"]
        return {name: sent.get(name, "") for name in names if name in sent or name in BOXES}

    def changed_since(self, sent: Mapping[str, str]) -> dict[str, str]:
        """Labels and present values of the fields, except the text, that have another value than the page had."""
        seen = _seen_in(sent)
        return {
            _LABELS.get(name, name.capitalize()): _as_chosen(name, value) or ("no" if name in BOXES else "none")
            for name, value in self.fields.items()
            if name != "text" and name in seen and _digest(value) != seen[name]
        }


def _as_chosen(name: str, value: str) -> str:
    """A value as the form offers it for choice."""
    return value.capitalize() if name == "visibility" else value


def _in_form(value: str | bool | None) -> str:
    return "yes" if value is True else str(value or "")


def _seen_in(sent: Mapping[str, str]) -> dict[str, str]:
    pairs = (item.partition(":") for item in sent.get(SEEN, "").split())
    return {name: digest for name, _, digest in pairs}


def _digest(value: str) -> str:
    return blake2b(value.encode(), digest_size=8).hexdigest()
