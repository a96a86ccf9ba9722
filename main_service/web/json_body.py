"""Reads JSON bodies so that a hostile one costs neither memory nor the event loop."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

INLINE_BYTES = 256 * 1024
MAX_STRUCTURE_BYTES = 64 * 1024
"""What a body may hold besides its strings. Ours hold a dozen names; a body of nested lists, once parsed, would take
twenty times its size in memory."""

# Possessive quantifiers: a string is passed in one go and never tried again another way.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class JsonRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        if len(body) <= INLINE_BYTES:
            return _parse(body)
        return await asyncio.to_thread(_parse_large, body)


class JsonRoute(APIRoute):
    """A route whose JSON body is read by `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


def _parse_large(body: bytes) -> Any:
    if len(_STRINGS.sub(b"", body)) > MAX_STRUCTURE_BYTES:
        raise json.JSONDecodeError("The body is not a flat JSON object", "", 0)
    return _parse(body)


def _parse(body: bytes) -> Any:
    """The body's value.

    Raises:
        json.JSONDecodeError: it is not JSON in UTF-8, or nested deeper than Python reads. FastAPI makes a 422 of it.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError("The body is not valid JSON in UTF-8", "", 0) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
