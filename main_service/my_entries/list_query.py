"""The query string of the page of a user's own entries: search, filters, order, and the chips that stand for some."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from main_service.entries.aliases import is_key
from main_service.my_entries.filters import EntryState, Filters, Sort
from main_service.my_entries.schemas import ListingIn
from main_service.web.forms import parse

PAGE_PATH = "/profile"

DELETED = "deleted"
"""The field of the query string that says how many entries were deleted just now."""

SOON = timedelta(days=3)
"""How long before its end an entry expires soon."""

ALL_STATES = "all"
EXPIRING_SOON = "soon"

STATES = {
    EntryState.LIVE.value: "Live",
    EXPIRING_SOON: "Expiring soon",
    EntryState.EXPIRED.value: "Expired",
    EntryState.ENDED.value: "All ended",
    ALL_STATES: "All",
}
"""The states that the page offers, with their labels."""

SORTS = {
    Sort.CREATED_LAST: "Newest first",
    Sort.CREATED: "Oldest first",
    Sort.UPDATED_LAST: "Last changed",
    Sort.UPDATED: "Least recently changed",
    Sort.EXPIRES: "Expires first",
    Sort.EXPIRES_LAST: "Expires last",
    Sort.TITLE: "Title A to Z",
    Sort.TITLE_LAST: "Title Z to A",
}
"""The sorts that the page offers, with their labels."""

_DEFAULTS = {
    "q": "",
    "kind": "",
    "state": EntryState.LIVE.value,
    "visibility": "",
    "collection": "",
    "sort": Sort.CREATED_LAST.value,
}
_OF_CHIPS = ("kind", "state", "visibility")
_CHIPS: dict[str, dict[str, str]] = {
    "Live": {},
    "Links": {"kind": "link"},
    "Pastes": {"kind": "paste"},
    "Private": {"visibility": "private"},
    "Expiring soon": {"state": EXPIRING_SOON},
}
_MAX_FIELDS = 20


@dataclass(frozen=True)
class Chip:
    """A link to entries of one sort, which keeps what is searched for."""

    label: str
    path: str
    is_current: bool


@dataclass(frozen=True)
class ListQuery:
    """What the query string of the page asks for."""

    form: Mapping[str, str]
    """All fields of the page's form."""
    cursor: str = ""
    """Empty on the first page."""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> "ListQuery":
        """The query that `fields` ask for. Empty fields count as absent, because a form sends them too."""
        given = {name: fields[name] for name in _DEFAULTS if fields.get(name, "").strip()}
        return cls(form=_defaults(given.get("state")) | given, cursor=fields.get("cursor", ""))

    @classmethod
    def read(cls, query: str) -> "ListQuery":
        """The query that a `query_string` names; of another text, what can be read of it."""
        try:
            return cls.of(dict(parse_qsl(query, max_num_fields=_MAX_FIELDS)))
        except ValueError:
            return cls.of({})

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves out live entries."""
        asked = any(self.form[name] for name in ("q", "kind", "visibility", "collection"))
        return asked or self.form["state"] not in (EntryState.LIVE, ALL_STATES)

    @property
    def has_more_filters(self) -> bool:
        """Whether it asks for more than the search and the chips tell."""
        return bool({"collection", "sort"} & self._given.keys()) or not any(chip.is_current for chip in self.chips)

    @property
    def chips(self) -> list[Chip]:
        """At most one is the current one: none, if other filters are set too."""
        chosen = {name: value for name, value in self._given.items() if name in _OF_CHIPS}
        others = {name: value for name, value in self._given.items() if name not in _OF_CHIPS}
        return [
            Chip(label=label, path=ListQuery.of(others | filters).path(), is_current=chosen == filters)
            for label, filters in _CHIPS.items()
        ]

    @property
    def listing(self) -> ListingIn:
        """The query as the JSON API takes it, which has no entries that expire soon.

        Raises:
            InvalidInputError: names the form's fields that are invalid.
        """
        asked = {name: value for name, value in {**self.form, "cursor": self.cursor}.items() if value}
        if asked["state"] == EXPIRING_SOON:
            asked["state"] = EntryState.LIVE.value
        elif asked["state"] == ALL_STATES:
            del asked["state"]
        return parse(ListingIn, asked)

    def filters(self, listing: ListingIn, now: datetime, public_url: str) -> Filters:
        """The filters of `listing`, which is this query's. Who searches for a key or a link of ours finds its entry."""
        is_soon = self.form["state"] == EXPIRING_SOON
        key = self.form["q"].strip().removeprefix(f"{public_url}/").removesuffix("+")
        return replace(
            listing.filters, expires_before=now + SOON if is_soon else None, or_key=key if is_key(key) else None
        )

    @property
    def query_string(self) -> str:
        """The query as a string, without fields that have their defaults."""
        return urlencode(self._given | ({"cursor": self.cursor} if self.cursor else {}))

    def path(self, cursor: str = "", *, deleted: int | None = None) -> str:
        """The path and query of a page of the same list; without a cursor, of its first page.

        `deleted`: how many entries the page shall say have been deleted.
        """
        asked = [replace(self, cursor=cursor).query_string, "" if deleted is None else f"{DELETED}={deleted}"]
        query = "&".join(filter(None, asked))
        return f"{PAGE_PATH}?{query}" if query else PAGE_PATH

    @property
    def _given(self) -> dict[str, str]:
        """The fields that don't have their defaults."""
        defaults = _defaults(self.form["state"])
        return {name: value for name, value in self.form.items() if value != defaults[name]}


def _defaults(state: str | None) -> dict[str, str]:
    """The fields of the form where it asks for entries in this state and for nothing else."""
    return _DEFAULTS | ({"sort": Sort.EXPIRES.value} if state == EXPIRING_SOON else {})
