"""Reads the cookies of certain names by hand, and keeps the framework from reading slow ones.

Its parser takes any white space of Unicode off a name, and so one that a sub-domain may set for one with a prefix of
ours, and keeps one cookie of each name. In Python before 3.11.10 it also decodes a quoted content in a time that is
quadratic: 32 KB of backslashes held up all other requests for three seconds.
"""

from collections.abc import Container, Iterator

from starlette.requests import HTTPConnection
from starlette.types import Scope


def cookies_named(request: HTTPConnection, names: Container[str]) -> Iterator[tuple[str, str]]:
    """Name and content of each cookie that has one of these names, in their order. Contents are as they were sent."""
    for line in request.headers.getlist("cookie"):
        for part in line.split(";"):
            name, _, content = part.strip(" \t").partition("=")
            if name in names:
                yield name, content


def drop_quoted_cookies(scope: Scope) -> None:
    """Remove cookies with quotation marks from a request, before FastAPI reads all cookies: none of them is ours."""
    if any(name == b"cookie" and b'"' in value for name, value in scope["headers"]):
        scope["headers"] = [
            (name, _unquoted(value) if name == b"cookie" else value) for name, value in scope["headers"]
        ]


def _unquoted(line: bytes) -> bytes:
    return b";".join(part for part in line.split(b";") if b'"' not in part)
