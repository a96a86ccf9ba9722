"""Swagger UI and ReDoc on pages of our own: scripts from the fastapi-offline wheel, nothing from elsewhere."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from main_service.web.headers import CONTENT_SECURITY_POLICY
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

SWAGGER_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' data:")

# ReDoc adds style elements that are empty in the document (their rules are set by script) and searches in a worker.
REDOC_POLICY = (
    SWAGGER_POLICY.replace("style-src 'self'", "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='")
    + "; worker-src blob:"
)


def assets_folder() -> Path:
    """Where the wheel keeps the scripts and styles of both pages."""
    spec = find_spec("fastapi_offline")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"


@router.api_route("/docs", methods=["GET", "HEAD"])
async def swagger(request: Request) -> Response:
    response = render(request, "docs/swagger.html")
    response.headers["Content-Security-Policy"] = SWAGGER_POLICY
    return response


@router.api_route("/redoc", methods=["GET", "HEAD"])
async def redoc(request: Request) -> Response:
    response = render(request, "docs/redoc.html")
    response.headers["Content-Security-Policy"] = REDOC_POLICY
    return response
