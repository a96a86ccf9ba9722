"""The index finds for each path the route that trying all of them in turn finds."""

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

from starlette.routing import BaseRoute, Match

from main_service.app import create_app
from main_service.settings import Settings
from tests.support.settings import VALID_SETTINGS

PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
ODD_PATHS = ("*", "", "/", "//", "///", "/api", "/api/", "/api/v1", "/api/v1/", "/static", "/static/", "/a/b/c/d/e/f/g")
BROWSER = [(b"accept", b"text/html")]


def answering(routes: Sequence[BaseRoute], scope: dict[str, Any]) -> tuple[Match, BaseRoute | None]:
    """The route that answers, and whether it does for this method."""
    matches = [(route.matches(dict(scope))[0], route) for route in routes]
    for wanted in (Match.FULL, Match.PARTIAL):
        for match, route in matches:
            if match is wanted:
                return match, route
    return Match.NONE, None


def paths(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """Paths of all routes, and such that differ from them by a part."""
    templates = [getattr(route, "path") for route in routes]  # noqa: B009 (mypy knows no path)
    words = sorted({part for template in templates for part in template.split("/") if "{" not in part})
    chosen = random.Random(1)
    for template in templates:
        path = PARAMETER.sub("4aBcDeF", template)
        parts = path.split("/")
        yield from (path, f"{path}/", "/".join(parts[:-1]))
        for _ in range(3):
            changed = parts.copy()
            changed[chosen.randrange(1, len(parts)) if len(parts) > 1 else 0] = chosen.choice(
                [*words, "", "x.py", "k+"]
            )
            yield "/".join(changed)


def test_index_finds_what_the_router_finds() -> None:
    app = create_app(Settings(**VALID_SETTINGS))
    found = 0
    for path in (*ODD_PATHS, *paths(app.routes)):
        candidates = app.state.route_index.find(path)
        for method in ("GET", "POST"):
            scope = {"type": "http", "method": method, "path": path, "headers": BROWSER if method == "GET" else []}
            expected = answering(app.routes, scope)
            assert answering(candidates, scope) == expected, f"{method} {path}"
            found += expected[1] is not None
        assert len(candidates) < 40, f"{path} is tried on {len(candidates)} routes"
    assert found > 500
