"""Health checks for load balancers and operators: whether the process lives, and whether its engines answer."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from main_service.dependencies import ResourcesDep
from main_service.engines.redis import RedisUnavailableError
from main_service.errors import AppError, UnavailableError
from main_service.monitoring.heartbeats import find_hanging
from main_service.operations import parts
from main_service.operations.metrics_page import has_token
from main_service.operations.metrics_source import ROLE
from main_service.rendering.client import Renderer
from main_service.settings_digests import digest_settings
from main_service.web.json_api import operation_id
from main_service.web.proxy_watch import ProxyWatch

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/health", tags=["health"], generate_unique_id_function=operation_id)

ANSWER_SECONDS = 2.5
"""How long an engine may take to answer: longer than any wait for Redis, shorter than monitors usually wait."""


class PartState(StrEnum):
    OK = "ok"
    AWAY = "away"


class Readiness(StrEnum):
    READY = "ready"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


class Parts(BaseModel):
    database: PartState
    redis: PartState = Field(description="Without it everything works, but slower.")
    text_store: PartState = Field(description="Without it links work; pastes answer 503.")


class ProcessOut(BaseModel):
    uptime_seconds: float
    settings: dict[str, str] = Field(
        description="A digest of each setting that is not at its default, with which `doctor` and `status` find out "
        "whether the process was started with other settings. It says nothing of the value."
    )
    hanging: list[int] = Field(
        description="The ids of web processes on the same machine, or in the same container, that hang."
    )


class ReadyOut(BaseModel):
    status: Readiness
    parts: Parts
    process: ProcessOut | None = Field(
        None,
        description="Only if asked for, from this machine, from an inner network without a proxy, or with the token "
        "for metrics.",
    )
    warnings: list[str] | None = Field(
        None,
        description="What the operator should change, if there is anything. Only for requests from an inner network, "
        "and for those with the token for metrics.",
    )


class LiveOut(BaseModel):
    status: str = Field("ok", description="Always ok: a process that is not would not answer.")


@router.get("/live", summary="Liveness: does this process answer")
async def live() -> LiveOut:
    return LiveOut(status="ok")


async def get_parts(resources: ResourcesDep) -> Parts:
    database, redis, text_store = await asyncio.gather(
        _state("database", lambda: parts.ask_database(resources)),
        _state("redis", lambda: parts.ask_redis(resources)),
        _state("text store", lambda: parts.ask_text_store(resources)),
    )
    return Parts(database=database, redis=redis, text_store=text_store)


async def is_for_operator(request: Request, has_token: Annotated[bool, Depends(has_token)]) -> bool:
    """Whether the client may see what is for the operator: it has the token, or is in an inner network."""
    watch: ProxyWatch = request.app.state.proxy_watch
    # A monitor may be the first client behind a proxy.
    watch.limited_address(request)
    return has_token or watch.is_from_inside(request)


IsForOperator = Annotated[bool, Depends(is_for_operator)]


async def get_warnings(request: Request, is_for_operator: IsForOperator) -> list[str] | None:
    """Warnings for the operator; None if there are none, or the client is not the operator."""
    watch: ProxyWatch = request.app.state.proxy_watch
    renderer: Renderer = request.app.state.renderer
    warnings = [*watch.warnings, *([renderer.warning] if renderer.warning is not None else [])]
    return warnings if warnings and is_for_operator else None


async def get_process(
    request: Request,
    resources: ResourcesDep,
    has_token: Annotated[bool, Depends(has_token)],
) -> ProcessOut | None:
    """What `doctor` and `status` request with `?process=true`; None for all other clients."""
    watch: ProxyWatch = request.app.state.proxy_watch
    is_asked_for = request.query_params.get("process") == "true"
    if not is_asked_for or not (has_token or watch.is_near(request)):
        return None
    uptime_seconds = round(time.monotonic() - request.app.state.began_at, 1)
    hanging = await asyncio.to_thread(find_hanging, ROLE)
    return ProcessOut(uptime_seconds=uptime_seconds, settings=digest_settings(resources.settings), hanging=hanging)


@router.get(
    "/ready",
    summary="Readiness: do all parts answer",
    response_model_exclude_none=True,
    responses={503: {"model": ReadyOut, "description": "The database isn't responding, so almost nothing works."}},
)
async def ready(
    parts: Annotated[Parts, Depends(get_parts)],
    warnings: Annotated[list[str] | None, Depends(get_warnings)],
    process: Annotated[ProcessOut | None, Depends(get_process)],
    response: Response,
) -> ReadyOut:
    """200 while entries can be made and read, also if Redis or the text store is away (`degraded`)."""
    if parts.database is PartState.AWAY:
        response.status_code = UnavailableError.status
        response.headers.update(UnavailableError.headers)
        return ReadyOut(status=Readiness.UNAVAILABLE, parts=parts, warnings=warnings, process=process)
    is_whole = parts.redis is PartState.OK and parts.text_store is PartState.OK
    status = Readiness.READY if is_whole else Readiness.DEGRADED
    return ReadyOut(status=status, parts=parts, warnings=warnings, process=process)


async def _state(name: str, ask: Callable[[], Coroutine[Any, Any, None]]) -> PartState:
    asking = asyncio.create_task(ask())
    # Not asyncio.timeout: cancelling a call of an engine that hangs may take seconds.
    await asyncio.wait([asking], timeout=ANSWER_SECONDS)
    if not asking.done():
        asking.add_done_callback(_forget)
        asking.cancel()
        logger.warning("The %s does not answer within %s s", name, ANSWER_SECONDS)
        return PartState.AWAY
    try:
        asking.result()
    except (AppError, RedisUnavailableError) as error:
        # It may have answered, but with an error such as 403.
        logger.warning("The %s can't be used: %r", name, error.__cause__ or error)
        return PartState.AWAY
    return PartState.OK


def _forget(asking: "asyncio.Task[None]") -> None:
    """Retrieve the failure of an abandoned call, or asyncio would log that it was never retrieved."""
    if not asking.cancelled():
        asking.exception()
