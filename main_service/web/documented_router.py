"""A router that documents the errors of its routes in OpenAPI: those that all share once, others with their route."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import APIRouter

from main_service.errors import AppError, InvalidInputError
from main_service.web.problems import Problem
from main_service.web.rate_limit_fields import DOCUMENTATION as RATE_LIMIT_FIELDS

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Responses = dict[int | str, dict[str, Any]]

_TOO_MANY_HEADERS = {
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer", "minimum": 1}},
    **RATE_LIMIT_FIELDS,
}


class DocumentedRouter(APIRouter):
    """An `APIRouter` whose routes take `errors`: what a route may answer beside the errors that all its routes share.

    Errors of one status become one documented response, which names the code of each. `responses` of a route win.
    """

    def __init__(self, *, errors: Sequence[type[AppError]], **options: Any) -> None:
        super().__init__(**options)
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


def problem_responses(*errors: type[AppError]) -> Responses:
    """How OpenAPI documents these errors, by status; 422 (`InvalidInputError`) always is among them."""
    codes: dict[int, set[str]] = {InvalidInputError.status: {InvalidInputError.code}}
    for error in errors:
        codes.setdefault(error.status, set()).add(error.code)
    return {
        status: {
            "model": Problem,
            "description": f"{HTTPStatus(status).phrase}: {', '.join(sorted(names))}",
            **({"headers": _TOO_MANY_HEADERS} if status == HTTPStatus.TOO_MANY_REQUESTS else {}),
        }
        for status, names in codes.items()
    }
