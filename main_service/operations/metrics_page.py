"""`GET /metrics`: the metrics, for requests with the operator's token. For others there is nothing at this path."""

from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from main_service.dependencies import SettingsDep
from main_service.errors import NotFoundError
from main_service.monitoring import exposition

router = APIRouter()


async def has_token(request: Request, settings: SettingsDep) -> bool:
    """Whether a request carries the operator's token."""
    token = settings.metrics_token
    given = request.headers.get("authorization", "")
    return token is not None and compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode())


async def require_token(is_operator: Annotated[bool, Depends(has_token)]) -> None:
    if not is_operator:
        raise NotFoundError


# A plain function, which FastAPI runs in a thread: the files of many processes take a moment to read.
@router.get("/metrics", include_in_schema=False, dependencies=[Depends(require_token)])
def show_metrics() -> Response:
    return Response(exposition.exposition(), media_type=exposition.MEDIA_TYPE)
