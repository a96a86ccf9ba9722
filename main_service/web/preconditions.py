"""Preconditions of requests (RFC 9110, 13.1): which versions of a resource a request is meant for."""

import re
from collections.abc import Sequence

from main_service.errors import FieldError, InvalidInputError

IF_MATCH = "If-Match"

_TAG = re.compile(r'[ \t]*+(?:(?P<weak>W/)?"(?P<tag>[\x21\x23-\x7e\x80-\xff]*+)"[ \t]*+)?(?:,|$)')


def strong_tags(lines: Sequence[str]) -> frozenset[str] | None:
    """The tags in the lines of `If-Match`, without quotation marks. None: any version matches.

    Weak tags are left out, because they never match.

    Raises:
        InvalidInputError: the header is neither `*` nor a list of tags.
    """
    text = ",".join(lines).strip(" \t")
    if not lines or text == "*":
        return None
    tags: list[str] = []
    has_tag = False
    position = 0
    while position < len(text):
        match = _TAG.match(text, position)
        if match is None:
            has_tag = False
            break
        position = match.end()
        if (tag := match["tag"]) is not None:
            has_tag = True
            if not match["weak"]:
                tags.append(tag)
    if not has_tag:
        message = 'Send the ETag as received, in quotation marks, such as "3", a list of them, or *.'
        raise InvalidInputError(fields=[FieldError(IF_MATCH, "header_invalid", message)])
    return frozenset(tags)
