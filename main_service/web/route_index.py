"""Finds the routes that can match a path, by its first parts and their number. FastAPI tries all routes in turn, which
takes a millisecond for the last of two hundred.
"""

from collections import defaultdict
from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Mount, Router
from starlette.types import Receive, Scope, Send

MAX_PARTS = 3
"""How many parts are indexed: three are enough for `/api/v1/links/…`."""

Parts = tuple[str, ...]


class RouteIndex:
    """Stands before a router, and answers HTTP requests as it would.

    Routes are indexed by literal beginnings of paths, such as `/api/v1/links`. Each beginning has all routes that can
    match a path with it, including those that have a parameter there, in the order of the router.
    """

    def __init__(self, router: Router) -> None:
        """Call it after all routes were added."""
        self._router = router
        routes = [(route, _parts(route)) for route in router.routes]
        beginnings = {parts[:count] for _, parts in routes for count in range(_literal_count(parts) + 1)}
        self._routes = {beginning: _by_count(beginning, routes, beginnings) for beginning in beginnings}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router.app(scope, receive, send)
            return
        scope.setdefault("router", self._router)
        other_method: tuple[BaseRoute, Scope] | None = None
        for route in self.find(scope["path"]):
            match, found = route.matches(scope)
            if match is Match.FULL:
                break
            if match is Match.PARTIAL and other_method is None:
                other_method = route, found
        else:
            if other_method is None:
                await self._router.default(scope, receive, send)
                return
            route, found = other_method
        scope.update(found)
        await route.handle(scope, receive, send)

    def find(self, path: str) -> Sequence[BaseRoute]:
        """All routes that can match the path, and perhaps some others."""
        beginning = tuple(path.split("/", MAX_PARTS + 1)[1 : MAX_PARTS + 1])
        while (by_count := self._routes.get(beginning)) is None:
            beginning = beginning[:-1]
        return by_count.get(path.count("/")) or by_count[None]


def _by_count(
    beginning: Parts, routes: Sequence[tuple[BaseRoute, Parts]], beginnings: set[Parts]
) -> dict[int | None, list[BaseRoute]]:
    """The routes of a beginning by the number of parts of a path; None: any other number."""
    possible = [(route, parts) for route, parts in routes if _may_be_for(beginning, parts, beginnings)]
    by_count: dict[int | None, list[BaseRoute]] = defaultdict(list)
    for count in {None, *(len(parts) for _, parts in possible)}:
        by_count[count] = [route for route, parts in possible if len(parts) == count or _takes_any_rest(parts)]
    return dict(by_count)


def _parts(route: BaseRoute) -> Parts:
    """The parts of the route's path; those with `{` have a parameter. A mounted folder takes any rest."""
    path: str = getattr(route, "path", "/{any:path}")
    return tuple((f"{path}/{{any:path}}" if isinstance(route, Mount) else path).split("/")[1:])


def _takes_any_rest(parts: Parts) -> bool:
    return ":path}" in parts[-1]


def _literal_count(parts: Parts) -> int:
    """How many of the indexed parts come before the first parameter."""
    return next((at for at, part in enumerate(parts[:MAX_PARTS]) if "{" in part), min(len(parts), MAX_PARTS))


def _may_be_for(beginning: Parts, parts: Parts, beginnings: set[Parts]) -> bool:
    """Whether a path whose longest indexed beginning is this one can match a route with these parts."""
    for at, part in enumerate(parts):
        if ":path}" in part:
            return True
        if at == len(beginning):
            return "{" in part or (*beginning, part) not in beginnings
        if "{" not in part and part != beginning[at]:
            return False
    return len(parts) == len(beginning)
