"""HEAD wherever GET is, without routes of its own. The server leaves the body out."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts


def answer_head(app: FastAPI) -> list[set[str]]:
    """Let each route that answers GET answer HEAD too, unless HEAD has a route of its own there.

    Call it when all routes are there. Returns the methods of the routes that it changed.
    """
    routes = [(route.path, route.methods) for route in iter_route_contexts(app.routes) if route.methods]
    apart = {path for path, methods in routes if "HEAD" in methods}
    changed = [methods for path, methods in routes if "GET" in methods and path not in apart]
    for methods in changed:
        methods.add("HEAD")
    return changed
