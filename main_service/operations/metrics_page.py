"""`GET /metrics`: what is counted, for whoever has the token. Without it there is nothing at this address."""

from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from main_service.dependencies import SettingsDep
from main_service.errors import NotFoundError
from main_service.monitoring import metrics

router = APIRouter()


async def require_token(settings: SettingsDep, authorization: Annotated[str, Header()] = "") -> None:
    token = settings.metrics_token
    if token is None or not compare_digest(authorization.encode(), f"Bearer {token.get_secret_value()}".encode()):
        raise NotFoundError


# A plain function, which runs in a thread: the files of many processes take a moment to read.
@router.get("/metrics", include_in_schema=False, dependencies=[Depends(require_token)])
def show_metrics() -> Response:
    return Response(metrics.exposition(), media_type=metrics.MEDIA_TYPE)
