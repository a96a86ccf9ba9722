"""Routers of the API: the errors that they document, bodies as JSON, and no unknown fields in queries."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from main_service.errors import AppError, InvalidInputError
from main_service.web.bodies.json import JsonRequest
from main_service.web.problems import MEDIA_TYPE, field_errors
from main_service.web.rate_limit_fields import DOCUMENTATION as RATE_LIMIT_FIELDS

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Responses = dict[int | str, dict[str, Any]]
PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
"""Documents that a response is a `Problem`. With `"model"` FastAPI would create a validator for each of 400 responses,
which take 3 MB."""

_TOO_MANY_HEADERS = {
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer", "minimum": 1}},
    **RATE_LIMIT_FIELDS,
}


class DocumentedRouter(APIRouter):
    """An `APIRouter` that documents errors in OpenAPI: its own `errors` for all routes, those of a route for this one.

    Errors of one status become one response, which names the code of each. `responses` of a route take precedence.
    """

    def __init__(self, *, errors: Sequence[type[AppError]], **options: Any) -> None:
        super().__init__(generate_unique_id_function=operation_id, **options)
        self._errors = tuple(errors)

    def api_route(
        self,
        path: str,
        *,
        errors: Sequence[type[AppError]] = (),
        responses: Responses | None = None,
        **options: Any,
    ) -> Callable[[Endpoint], Endpoint]:
        documented = problem_responses(*self._errors, *errors)
        return super().api_route(path, responses=documented | (responses or {}), **options)

    def get(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self.api_route(path, methods=["GET"], **options)

    def post(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self.api_route(path, methods=["POST"], **options)

    def put(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self.api_route(path, methods=["PUT"], **options)

    def patch(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self.api_route(path, methods=["PATCH"], **options)

    def delete(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self.api_route(path, methods=["DELETE"], **options)


def operation_id(route: APIRoute) -> str:
    """The OpenAPI id of an operation, from which generated clients take names. FastAPI's default repeats the path."""
    return route.name


def problem_responses(*errors: type[AppError]) -> Responses:
    """The OpenAPI responses of these errors, by status, and of `InvalidInputError` (422)."""
    codes: dict[int, set[str]] = {InvalidInputError.status: {InvalidInputError.code}}
    for error in errors:
        codes.setdefault(error.status, set()).add(error.code)
    return {
        status: {
            "content": PROBLEM_CONTENT,
            "description": f"{HTTPStatus(status).phrase}: {', '.join(sorted(names))}",
            **({"headers": _TOO_MANY_HEADERS} if status == HTTPStatus.TOO_MANY_REQUESTS else {}),
        }
        for status, names in codes.items()
    }


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


class JsonRouter(DocumentedRouter):
    """A router of the JSON API: its routes are `JsonRoute`s."""

    def __init__(self, *, errors: Sequence[type[AppError]], **options: Any) -> None:
        super().__init__(errors=errors, route_class=JsonRoute, **options)


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
    """Check the fields of the query.

    Raises:
        InvalidInputError: a field is unknown, or is there twice: none is a list.
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
