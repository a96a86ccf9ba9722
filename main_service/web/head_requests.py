"""Answers HEAD wherever GET is answered, without routes for it. The server leaves the body out."""

from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send


def answer_head(app: FastAPI) -> list[set[str]]:
    """Let each route that answers GET answer HEAD too, unless its path has a route for HEAD alone.

    Call it after all routes were added. Returns the sets of methods that now have HEAD.
    """
    routes = [(route.path, route.methods) for route in app.routes if isinstance(route, Route) and route.methods]
    apart = {path for path, methods in routes if "HEAD" in methods and "GET" not in methods}
    changed = [methods for path, methods in routes if "GET" in methods and path not in apart]
    for methods in changed:
        methods.add("HEAD")
    return changed


class FileStream(StreamingResponse):
    """A streamed answer whose body is not even read for HEAD."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            self.body_iterator = _nothing()
        await super().__call__(scope, receive, send)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
