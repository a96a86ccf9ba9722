"""Swagger UI and ReDoc on pages of our own: scripts from the fastapi-offline wheel, nothing from elsewhere."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from main_service.web.headers import CONTENT_SECURITY_POLICY
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
    """Where the wheel keeps the scripts and styles of both pages."""
    spec = find_spec("fastapi_offline")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"


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
