"""The OpenAPI document, where FastAPI's own would say something else than what the application answers."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from main_service.web.problems import MEDIA_TYPE


def operation_id(route: APIRoute) -> str:
    """The name of an operation, after which generated clients name their functions. FastAPI's would repeat the path."""
    return route.name


def correct_openapi(app: FastAPI, answering_head: list[set[str]]) -> None:
    """Document errors as application/problem+json, and HEAD nowhere.

    `answering_head`: methods of the routes that answer HEAD as they answer GET, which needs no documentation.
    """
    make_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for methods in answering_head:
                methods.remove("HEAD")
            try:
                schema = make_openapi()
            finally:
                for methods in answering_head:
                    methods.add("HEAD")
            operations = (operation for path in schema["paths"].values() for operation in path.values())
            for operation in operations:
                for status, response in operation["responses"].items():
                    # FastAPI documents every answer that has a model as application/json.
                    if status >= "400" and "application/json" in response.get("content", {}):
                        response["content"][MEDIA_TYPE] = response["content"].pop("application/json")
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
