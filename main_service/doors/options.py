"""What a plain request asks for beside its text or URL, in its query or in headers of the same names."""

import re
from collections.abc import Collection

from fastapi import Request

from main_service.errors import FieldError, InvalidInputError

_FIELDS = {
    "expires": "expires_in",
    "views": "views",
    "syntax": "syntax",
    "alias": "alias",
    "visibility": "visibility",
    "title": "title",
}
"""The fields of the schemas by the names of the options."""
ENCODING = "encoding"
"""Read from the query alone."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]|$)", re.ASCII)

Values = dict[str, object]
"""Values for the schemas of the API, by the names of its fields; not validated yet."""


def read_options(request: Request, *, others: Collection[str] = ()) -> Values:
    """The options that were given. Empty ones count as not given.

    `others`: names in the query that the caller reads itself.

    Raises:
        InvalidInputError: an option is unknown, or given twice.
    """
    known = {*_FIELDS, ENCODING, *others}
    given: Values = {}
    for name in request.query_params:
        if name not in known:
            message = f"There is no such option. Options are {', '.join(sorted(known))}."
            raise InvalidInputError(fields=[FieldError(_shown(name), "extra_forbidden", message)])
    for name in _FIELDS:
        values = [*request.query_params.getlist(name), *map(_as_utf8, request.headers.getlist(name))]
        if len(values) > 1:
            raise InvalidInputError(fields=[FieldError(name, "option_twice", "Give this option once.")])
        if values and values[0]:
            given |= value_of(name, values[0])
    return given


def value_of(option: str, written: str) -> Values:
    """The field of the schemas that an option stands for, with its value."""
    if option == "expires" and _INSTANT.match(written):
        return {"expires_at": written}
    if option == "views" and re.fullmatch(r"\d{1,9}", written.strip(), re.ASCII):
        return {"views": int(written)}
    return {_FIELDS[option]: written}


def _as_utf8(header: str) -> str:
    """The value of a header, which Starlette reads as Latin-1."""
    sent = header.encode("latin-1")
    try:
        return sent.decode()
    except UnicodeDecodeError:
        return header


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else "(unnamed)"
