"""No route takes the requests that another one is for, in whatever order their routers are included."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.routing import Match

from main_service.app import create_app
from main_service.doors.plain_help import ForPrograms
from main_service.settings import Settings
from tests.support.settings import VALID_SETTINGS

NAMED = re.compile(r"\{(\w+)(?::\w+)?\}")
CLIENTS: list[list[tuple[bytes, bytes]]] = [[], [(b"accept", b"text/html")]]
"""Headers of a program and of a browser."""
OTHER_FOR_PROGRAMS = ("/",)
UNIQUE_ID = "6f1c0a3e-6a52-4a0e-9a37-6b1f6a0b8f11"


def path_of(template: str) -> str:
    """A path that a route is for: with a key or an id where its template has a name."""
    return NAMED.sub(lambda name: UNIQUE_ID if name[1].endswith("_id") else "4aBcDeF", template)


def takes(route: Any, scope: dict[str, Any]) -> bool:
    """Whether the route answers the request. FastAPI's contexts of routes leave out what a class of ours decides."""
    if route.matches(dict(scope))[0] is not Match.FULL:
        return False
    original = route.original_route
    return not isinstance(original, ForPrograms) or original.matches(dict(scope))[0] is not Match.NONE


def swallowed() -> Iterator[str]:
    """Each route whose requests another route answers."""
    app = create_app(Settings(**VALID_SETTINGS))
    routes: list[Any] = list(iter_route_contexts(app.routes))
    for route in routes:
        for method in route.methods or ():
            scope = {"type": "http", "method": method, "path": path_of(route.path)}
            firsts = [next(each for each in routes if takes(each, scope | {"headers": headers})) for headers in CLIENTS]
            answering = [first for first in firsts if first.endpoint is route.endpoint]
            if len(answering) < (1 if route.path in OTHER_FOR_PROGRAMS else len(CLIENTS)):
                yield f"{method} {route.path} is answered by {firsts[0].path}, {firsts[1].path}"


def test_each_route_answers_what_it_is_for() -> None:
    assert list(swallowed()) == []
