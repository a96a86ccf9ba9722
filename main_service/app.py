"""Puts the web application together. Wiring only."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from main_service.accounts.factory import AccountResources
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.compression.middleware import CompressionMiddleware
from main_service.entries.factory import EntryResources
from main_service.entry_pages.copied_entry import LargeCopies
from main_service.entry_pages.rendered_text import RenderedTexts
from main_service.fast_path.batch import ReadBatcher
from main_service.fast_path.protocol import STATE_NAME, open_fast_path
from main_service.fast_path.traced import TracedReadBatcher
from main_service.http_server.traced_requests import RequestTracingMiddleware
from main_service.languages.detection import open_language_detection
from main_service.monitoring import tracing
from main_service.operations.metrics_source import open_metrics
from main_service.rendering.client import open_renderer
from main_service.rendering.plain_text import PlainTexts
from main_service.resources import open_resources
from main_service.routers import API_ROUTERS, PAGE_ROUTERS
from main_service.settings import Settings, load_settings
from main_service.visit_stream.encoder import VisitEncoder
from main_service.web import api_docs, problems
from main_service.web.body_limits import BodyLimitsMiddleware, body_limit
from main_service.web.head_requests import answer_head
from main_service.web.headers import SecurityHeadersMiddleware
from main_service.web.held_stream import HELD_BYTES
from main_service.web.origin_check import OriginCheckMiddleware
from main_service.web.proxy_watch import ProxyWatch
from main_service.web.read_limits import ReadLimits
from main_service.web.session_cookie import COOKIE, SessionCookieMiddleware, session_cookie_name
from main_service.web.static_files import CachedStaticFiles
from main_service.web.templating import SITE_NAME, STATIC, create_templates, static_version

BODY_BUDGET_BYTES = 256 * 1024 * 1024
"""The most bytes of bodies that a process holds at once."""

DESCRIPTION = """
Pastes and short links with one lifetime. Every error is `application/problem+json` with a `code` for programs.
Creating an entry as a guest returns a `manage_token` to change and delete it (header `X-Manage-Token`).
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load_settings()

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
                if not settings.fast_path:
                    yield {}
                    return
                batcher = ReadBatcher if tracing.current_pipeline() is None else TracedReadBatcher
                async with open_fast_path(
                    resources, app.state.visit_encoder, proxy_watch=app.state.proxy_watch, batcher=batcher
                ) as fast_path:
                    yield {STATE_NAME: fast_path}

    app = FastAPI(
        title=SITE_NAME,
        version="0.1.0",
        summary="Self-hosted pastes and short links",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A redirect to the address with or without a slash would be made from the Host header.
        redirect_slashes=False,
        servers=[{"url": settings.public_url}],
        generate_unique_id_function=api_docs.operation_id,
        # Its spans and logs hold addresses and what errors quote; ours are in http_server/traced_requests.py.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.visit_encoder = VisitEncoder(settings)
    app.state.began_at = time.monotonic()
    app.state.proxy_watch = ProxyWatch(settings.trusted_proxies, gateway=settings.gateway)
    app.state.templates = create_templates(settings)
    problems.add_handlers(app)
    # Within the limits of bodies: it reads the forms of the release before.
    app.add_middleware(OriginCheckMiddleware, settings=settings)
    app.add_middleware(BodyLimitsMiddleware, limit=body_limit(settings.max_text_bytes), budget_bytes=BODY_BUDGET_BYTES)
    app.add_middleware(CompressionMiddleware, held_bytes=HELD_BYTES)
    app.add_middleware(SecurityHeadersMiddleware)
    if session_cookie_name(settings) != COOKIE:
        # Around the headers: it adds none to what caches keep.
        app.add_middleware(SessionCookieMiddleware, lifetime=BROWSER_LIFETIME, settings=settings)
    if (pipeline := tracing.current_pipeline()) is not None:
        app.add_middleware(RequestTracingMiddleware, pipeline=pipeline, trusted_proxies=settings.believed_proxies)
    app.mount("/static/docs", CachedStaticFiles(api_docs.assets_folder()))
    app.mount("/static", CachedStaticFiles(STATIC, version=static_version))
    for router in (*API_ROUTERS, *PAGE_ROUTERS):
        app.include_router(router)
    api_docs.correct_openapi(app, answer_head(app))
    return app
