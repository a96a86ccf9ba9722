"""Passes the query of a visit on to the target, for links that were made so."""

import re
from urllib.parse import quote, unquote_to_bytes

from main_service.entries.urls import MAX_URL_LENGTH

# What the WHATWG URL standard leaves as it is in a query. Anything else could end the query or the header.
_TO_BE_ENCODED = re.compile(rb"[^\x21\x24-\x3b\x3d\x3f-\x7e]")


def printable_query(query: bytes) -> str:
    """The query of a request, without `?`, in printable ASCII: what is none is percent-encoded, the rest unchanged."""
    return _TO_BE_ENCODED.sub(lambda found: quote(found[0], safe="").encode(), query).decode("ascii")


def with_query(target: str, query: bytes) -> str:
    """The target with the parameters of a query behind its own, and before its fragment.

    `target`: in ASCII. Parameters of the same name in the query are left out, so that no visitor can replace what
    the author has set. If the result would be too long for a target, the query is not passed on.
    """
    base, hash_sign, fragment = target.partition("#")
    _, question_mark, own = base.partition("?")
    own_names = {_name(parameter) for parameter in own.split("&") if parameter}
    given = [each for each in printable_query(query).split("&") if each and _name(each) not in own_names]
    if not given:
        return target
    separator = "?" if not question_mark else "" if own == "" or own.endswith("&") else "&"
    merged = f"{base}{separator}{'&'.join(given)}{hash_sign}{fragment}"
    return merged if len(merged) <= MAX_URL_LENGTH else target


def _name(parameter: str) -> bytes:
    return unquote_to_bytes(parameter.partition("=")[0].replace("+", " "))
