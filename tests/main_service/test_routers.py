"""No route takes the requests that another one is for, in whatever order their routers are included."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.routing import Match

from main_service.app import create_app
from main_service.settings import Settings
from tests.support.settings import VALID_SETTINGS

NAMED = re.compile(r"\{(\w+)(?::\w+)?\}")
UNIQUE_ID = "6f1c0a3e-6a52-4a0e-9a37-6b1f6a0b8f11"


def path_of(template: str) -> str:
    """A path that a route is for: with a key or an id where its template has a name."""
    return NAMED.sub(lambda name: UNIQUE_ID if name[1].endswith("_id") else "4aBcDeF", template)


def swallowed() -> Iterator[str]:
    """Each route whose requests another route answers."""
    app = create_app(Settings(**VALID_SETTINGS))
    routes: list[Any] = list(iter_route_contexts(app.routes))
    for route in routes:
        for method in route.methods or ():
            scope = {"type": "http", "method": method, "path": path_of(route.path), "headers": []}
            first = next(each for each in routes if each.matches(dict(scope))[0] is Match.FULL)
            if first.endpoint is not route.endpoint:
                yield f"{method} {route.path} is answered by {first.path}"


def test_each_route_answers_what_it_is_for() -> None:
    assert list(swallowed()) == []
