"""Reads JSON bodies so that a hostile one costs neither memory nor the event loop."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

INLINE_BYTES = 256 * 1024
MAX_STRUCTURE_BYTES = 4 * 1024
MAX_STRINGS = 200
"""What a body may hold besides the inside of its strings, and how many of these. Ours hold a dozen names; a body of
nested lists or of many names would take twenty times its size in memory once it is parsed."""

# A string that is not closed counts to the end, so no byte is looked at twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)


class JsonRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        if not _is_flat(body):
            raise json.JSONDecodeError("The body is not a flat JSON object", "", 0)
        if len(body) <= INLINE_BYTES:
            return _parse(body)
        return await asyncio.to_thread(_parse, body)


class JsonRoute(APIRoute):
    """A route whose JSON body is read by `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


def _is_flat(body: bytes) -> bool:
    """Whether the body is little besides a few strings. Stops as soon as it is not."""
    structure_bytes = end = 0
    for strings, string in enumerate(_STRING.finditer(body), 1):
        structure_bytes += string.start() - end
        if structure_bytes > MAX_STRUCTURE_BYTES or strings > MAX_STRINGS:
            return False
        end = string.end()
    return structure_bytes + len(body) - end <= MAX_STRUCTURE_BYTES


def _parse(body: bytes) -> Any:
    """The body's value.

    Raises:
        json.JSONDecodeError: it is not JSON in UTF-8, is nested deeper than Python reads, or an object in it has a name
            twice. FastAPI makes a 422 of it.
    """
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_object_of_different_names
        )
    except _NameTwiceError as error:
        raise json.JSONDecodeError("A name stands twice in the body", "", 0) from error
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError("The body is not valid JSON in UTF-8", "", 0) from error


class _NameTwiceError(ValueError):
    """Readers differ about which value counts, so what somebody else has checked might not be what we take."""


def _object_of_different_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _NameTwiceError
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
