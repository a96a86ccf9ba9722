"""What the profile page is asked for: read from its address, and written as one again."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from pydantic import ValidationError

from main_service.errors import InvalidInputError
from main_service.problems import field_errors
from main_service.profile.filters import Sort
from main_service.profile.owned_entry import EntryState
from main_service.profile.schemas import ListingIn

ADDRESS = "/profile"
ALL_STATES = "all"

_DEFAULTS = {
    "q": "",
    "kind": "",
    "state": EntryState.LIVE.value,
    "visibility": "",
    "collection": "",
    "sort": "-created",
}
_FILTERS = ("q", "kind", "visibility", "collection")
_MAX_FIELDS = 20


@dataclass(frozen=True)
class PageQuery:
    """`form`: each field of the page's form; `cursor`: empty on the first page."""

    form: Mapping[str, str]
    cursor: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> "PageQuery":
        """Of all that an address may hold. A form sends its empty fields too: they count as not given."""
        given = {name: fields[name] for name in _DEFAULTS if fields.get(name, "").strip()}
        return cls(form=_DEFAULTS | given, cursor=fields.get("cursor", ""))

    @classmethod
    def read(cls, query: str) -> "PageQuery":
        """As `written`; of anything else as much as can be read."""
        try:
            return cls.of(dict(parse_qsl(query, max_num_fields=_MAX_FIELDS)))
        except ValueError:
            return cls.of({})

    @property
    def is_filtered(self) -> bool:
        return any(self.form[name] for name in _FILTERS) or self.form["state"] not in (EntryState.LIVE, ALL_STATES)

    @property
    def listing(self) -> ListingIn:
        """Raises:
        InvalidInputError: with the names of the form's fields.
        """
        asked = {name: value for name, value in {**self.form, "cursor": self.cursor}.items() if value}
        if asked["state"] == ALL_STATES:
            del asked["state"]
        try:
            return ListingIn.model_validate(asked)
        except ValidationError as error:
            raise InvalidInputError(fields=field_errors(error.errors())) from error

    @property
    def written(self) -> str:
        """As a query, without what is the default."""
        fields = {name: value for name, value in self.form.items() if value != _DEFAULTS[name]}
        return urlencode(fields | ({"cursor": self.cursor} if self.cursor else {}))

    def address(self, cursor: str = "") -> str:
        """Of a page of the same list; without cursor the first."""
        query = PageQuery(form=self.form, cursor=cursor).written
        return f"{ADDRESS}?{query}" if query else ADDRESS


SORTS = {
    Sort.CREATED_LAST: "Newest first",
    Sort.CREATED: "Oldest first",
    Sort.UPDATED_LAST: "Changed last",
    Sort.UPDATED: "Changed longest ago",
    Sort.EXPIRES: "Ends soonest",
    Sort.EXPIRES_LAST: "Ends latest",
    Sort.TITLE: "Title A to Z",
    Sort.TITLE_LAST: "Title Z to A",
}
"""What the page offers, and how it is called."""
