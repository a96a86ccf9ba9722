"""Routes of the JSON API: how they read a body, and that nothing in a query is passed over in silence."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from main_service.errors import InvalidInputError
from main_service.web.json_body import JsonRequest
from main_service.web.problems import field_errors


class JsonRoute(APIRoute):
    """A route whose JSON body is read by `JsonRequest`, and which refuses query fields that it does not know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        documented = (self.openapi_extra or {}).get("parameters", [])
        read_by_hand = (each["name"] for each in documented if each["in"] == "query")
        known = frozenset([*_query_fields(self.dependant), *read_by_hand])

        async def handle_json(request: Request) -> Response:
            if request.scope["query_string"]:
                _check_query(request, known)
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


def _query_fields(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        shape = field.field_info.annotation
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            yield from (inner.alias or name for name, inner in shape.model_fields.items())
        else:
            yield field.alias
    for dependency in dependant.dependencies:
        yield from _query_fields(dependency)


def _check_query(request: Request, known: frozenset[str]) -> None:
    """Raises:
    InvalidInputError: a field is none of the route's, or stands there twice: none of ours is a list.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    errors = [
        {"loc": ("query", name), "type": "extra_forbidden", "msg": ""}
        if name not in known
        else {"loc": ("query", name), "type": "query_field_twice", "msg": "This field is given twice in the query"}
        for name, count in counts.items()
        if name not in known or count > 1
    ]
    if errors:
        raise InvalidInputError(fields=field_errors(errors))
