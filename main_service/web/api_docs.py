"""The documentation of the API: the OpenAPI document, examples, and Swagger UI and ReDoc without foreign scripts."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from pydantic.json_schema import models_json_schema

from main_service.web.headers import CONTENT_SECURITY_POLICY
from main_service.web.problems import Problem
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

SWAGGER_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' data:")

_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
_SCROLLBAR_STYLE = "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"

# ReDoc adds two style elements: one is empty, because its rules are set by script, one belongs to its scrollbars and
# changes with the version of the wheel. It searches in a worker.
REDOC_POLICY = (
    SWAGGER_POLICY.replace("style-src 'self'", f"style-src 'self' {_EMPTY_STYLE} {_SCROLLBAR_STYLE}")
    + "; worker-src blob:"
)


def assets_folder() -> Path:
    """The folder of scripts and styles of both pages, in the fastapi-offline wheel."""
    spec = find_spec("fastapi_offline")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"


@router.get("/api")
async def examples(request: Request) -> Response:
    return render(request, "docs/api.html")


@router.get("/docs")
async def swagger(request: Request) -> Response:
    response = render(request, "docs/swagger.html")
    response.headers["Content-Security-Policy"] = SWAGGER_POLICY
    return response


@router.get("/redoc")
async def redoc(request: Request) -> Response:
    response = render(request, "docs/redoc.html")
    response.headers["Content-Security-Policy"] = REDOC_POLICY
    return response


def correct_openapi(app: FastAPI, answering_head: list[set[str]]) -> None:
    """Make OpenAPI describe errors, to which routes only refer, and leave out HEAD.

    `answering_head`: the methods of routes that answer HEAD because they answer GET, as `answer_head` returns them.
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
            _, errors = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
            schemas = schema["components"]["schemas"]
            schema["components"]["schemas"] = dict(sorted({**schemas, **errors["$defs"]}.items()))
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
