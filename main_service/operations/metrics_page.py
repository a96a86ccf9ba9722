"""`GET /metrics`: the metrics, for requests with the operator's token. All others get 404."""

from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from main_service.dependencies import SettingsDep
from main_service.errors import NotFoundError
from main_service.monitoring.exposition import MEDIA_TYPE
from main_service.operations.metrics_source import MetricsSource

router = APIRouter()


async def has_token(request: Request, settings: SettingsDep) -> bool:
    """Whether a request carries the operator's token."""
    token = settings.metrics_token
    given = request.headers.get("authorization", "")
    return token is not None and compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode())


async def require_token(is_operator: Annotated[bool, Depends(has_token)]) -> None:
    if not is_operator:
        raise NotFoundError


@router.get("/metrics", include_in_schema=False, dependencies=[Depends(require_token)])
async def show_metrics(request: Request) -> Response:
    source: MetricsSource = request.app.state.metrics
    return Response(await source.render(), media_type=MEDIA_TYPE)
