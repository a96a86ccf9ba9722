"""Puts the web application together. Wiring only."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from main_service.accounts.factory import AccountResources
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.compression.middleware import CompressionMiddleware
from main_service.engines.rate_limits import subject_of
from main_service.entries.aliases import is_reserved
from main_service.entries.factory import EntryResources
from main_service.entry_pages.copied_entry import LargeCopies
from main_service.entry_pages.rendered_text import RenderedTexts
from main_service.fast_path.batch import ReadBatcher
from main_service.fast_path.protocol import STATE_NAME, open_fast_path
from main_service.fast_path.traced import TracedReadBatcher
from main_service.first_requests import compile_readers_templates, prepare_first_requests
from main_service.http_server.traced_requests import RequestTracingMiddleware
from main_service.languages.detection import open_language_detection
from main_service.monitoring import tracing
from main_service.operations.metrics_source import open_metrics
from main_service.rendering.client import open_renderer
from main_service.rendering.plain_text import PlainTexts
from main_service.resources import open_resources
from main_service.routers import API_ROUTERS, DOOR_ROUTERS, LAST_DOOR_ROUTERS, PAGE_ROUTERS, open_doors
from main_service.settings import Settings, load_settings
from main_service.transfer.upload_limit import UploadLimit
from main_service.visit_stream.encoder import VisitEncoder
from main_service.web import api_docs, problems
from main_service.web.bodies.limits import BodyLimitsMiddleware, body_limit, disk_budget_bytes
from main_service.web.cors import AllowedOrigins, CorsMiddleware, OpenRequests
from main_service.web.head_requests import answer_head
from main_service.web.headers import SecurityHeadersMiddleware
from main_service.web.held_stream import HELD_BYTES
from main_service.web.origin_check import OriginCheckMiddleware
from main_service.web.proxy_watch import ProxyWatch, limited_address
from main_service.web.read_limits import ReadLimits
from main_service.web.route_index import RouteIndex
from main_service.web.session_cookie import COOKIE, SessionCookieMiddleware, session_cookie_name
from main_service.web.static_files import CachedStaticFiles
from main_service.web.templating import SITE_NAME, STATIC, create_templates, static_version

BODY_BUDGET_BYTES = 256 * 1024 * 1024
"""The most bytes of bodies that a process holds at once."""

DESCRIPTION = """
Pastes and short links with one lifetime. Every error is `application/problem+json` with a `code` for programs.
Outside of `/api`, curl and its like get a line of text instead, unless they accept JSON.
Creating an entry as a guest returns a `manage_token` to change and delete it (header `X-Manage-Token`).
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load_settings()
    app = FastAPI(
        title=SITE_NAME,
        version="0.1.0",
        summary="Self-hosted pastes and short links",
        description=DESCRIPTION,
        lifespan=_lifespan(settings),
        docs_url=None,
        redoc_url=None,
        # Redirects to add or remove a slash would be built from the Host header.
        redirect_slashes=False,
        servers=[{"url": settings.public_url}],
        # FastAPI's spans and logs contain URLs and quote errors; ours are in http_server/traced_requests.py.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.visit_encoder = VisitEncoder(settings)
    app.state.began_at = time.monotonic()
    app.state.upload_limit = UploadLimit()
    app.state.proxy_watch = ProxyWatch(settings.trusted_proxies, gateway=settings.gateway)
    # Before the routes, which then reuse the memory that this frees.
    app.state.templates = create_templates(settings)
    compile_readers_templates(app.state.templates)
    problems.add_handlers(app)
    doors = list(open_doors(DOOR_ROUTERS, settings.doors))
    last_doors = list(open_doors(LAST_DOOR_ROUTERS, settings.doors))
    _add_middleware(app, settings, OpenRequests([*doors, *last_doors], is_reserved=is_reserved))
    app.mount("/static/docs", CachedStaticFiles(api_docs.assets_folder()))
    app.mount("/static", CachedStaticFiles(STATIC, version=static_version))
    # Not `include_router`, which would build each route a second time.
    for router in (*API_ROUTERS, *doors, *PAGE_ROUTERS, *last_doors):
        app.router.routes.extend(router.routes)
    api_docs.correct_openapi(app, answer_head(app))
    app.state.route_index = app.router.middleware_stack = RouteIndex(app.router)
    return app


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, object]]]:
    """Opens what the app needs while it runs. What it yields becomes the state of each connection."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with open_resources(settings) as resources:
            app.state.resources = resources
            app.state.account_resources = AccountResources(resources)
            app.state.read_limits = ReadLimits(resources.limiter, settings)
            async with (
                open_metrics(resources) as app.state.metrics,
                open_renderer() as app.state.renderer,
                open_language_detection(resources) as languages,
            ):
                app.state.entry_resources = EntryResources(resources, languages)
                app.state.rendered_texts = RenderedTexts(app.state.renderer)
                app.state.plain_texts = PlainTexts()
                app.state.large_copies = LargeCopies()
                await prepare_first_requests()
                if not settings.fast_path:
                    yield {}
                    return
                batcher = ReadBatcher if tracing.current_pipeline() is None else TracedReadBatcher
                async with open_fast_path(
                    resources, app.state.visit_encoder, proxy_watch=app.state.proxy_watch, batcher=batcher
                ) as fast_path:
                    yield {STATE_NAME: fast_path}

    return lifespan


def _add_middleware(app: FastAPI, settings: Settings, open_requests: OpenRequests) -> None:
    """Add all middleware, the innermost first."""
    # Within the limits of bodies: it reads the forms of the previous release.
    app.add_middleware(OriginCheckMiddleware, settings=settings, open_requests=open_requests)
    app.add_middleware(
        BodyLimitsMiddleware,
        limit=body_limit(settings.max_text_bytes, settings.max_import_bytes),
        client_of=lambda request: subject_of(limited_address(request)),
        budget_bytes=BODY_BUDGET_BYTES,
        disk_budget_bytes=disk_budget_bytes(settings.max_import_bytes),
    )
    app.add_middleware(CorsMiddleware, requests=open_requests, origins=AllowedOrigins(settings.cors_origins))
    app.add_middleware(CompressionMiddleware, held_bytes=HELD_BYTES)
    app.add_middleware(SecurityHeadersMiddleware)
    if session_cookie_name(settings) != COOKIE:
        # Outside the headers middleware, whose Cache-Control tells which answers may be cached: those get no cookie.
        app.add_middleware(SessionCookieMiddleware, lifetime=BROWSER_LIFETIME, settings=settings)
    if (pipeline := tracing.current_pipeline()) is not None:
        app.add_middleware(RequestTracingMiddleware, pipeline=pipeline, trusted_proxies=settings.believed_proxies)
