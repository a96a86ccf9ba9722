"""Puts the web application together. Wiring only."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from main_service.account_deletion import pages as account_deletion_pages
from main_service.account_deletion import routes as account_deletion_routes
from main_service.accounts import admin_routes, auth_routes, me_routes, recovery_pages, settings_pages, sign_in_pages
from main_service.accounts.emails import EmailLimits
from main_service.accounts.sign_in_limits import SignInLimits
from main_service.admin_jobs import routes as admin_job_routes
from main_service.collections import pages as collection_pages
from main_service.collections import routes as collection_routes
from main_service.collections import shared_pages
from main_service.entries import create_routes, routes
from main_service.entries.dependencies import EntryCreators
from main_service.entry_pages import create_pages, edit_pages, manage_pages, qr_pages, read_pages
from main_service.fast_path.protocol import STATE_NAME, open_fast_path
from main_service.mail.messages import mail_host
from main_service.mail.recipients import Recipients
from main_service.my_entries import pages as my_entries_pages
from main_service.my_entries import routes as my_entries_routes
from main_service.operations import health, metrics_page, site_pages
from main_service.reports import pages as report_pages
from main_service.reports import routes as report_routes
from main_service.resources import open_resources
from main_service.settings import Settings, load_settings
from main_service.statistics import pages as statistics_pages
from main_service.statistics import routes as statistics_routes
from main_service.visit_stream.encoder import VisitNotes
from main_service.web import api_docs, problems, static_files
from main_service.web.body_limits import BodyLimitsMiddleware
from main_service.web.head_requests import answer_head
from main_service.web.headers import SecurityHeadersMiddleware
from main_service.web.proxy_watch import ProxyWatch
from main_service.web.read_limits import ReadLimits
from main_service.web.static_files import CachedStaticFiles
from main_service.web.templating import SITE_NAME, STATIC, create_templates, static_version

MAX_BODY_BYTES = 128 * 1024
"""Of requests that carry no text."""

BODY_BUDGET_BYTES = 256 * 1024 * 1024

DESCRIPTION = """
Pastes and short links with one lifetime. Every refusal is `application/problem+json` with a `code` for programs.
Whoever creates an entry gets its `manage_token`, which changes and deletes it (header `X-Manage-Token`).
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with open_resources(settings) as resources:
            app.state.resources = resources
            app.state.entry_creators = EntryCreators(resources)
            app.state.email_limits = EmailLimits(resources.limiter, settings)
            app.state.sign_in_limits = SignInLimits(resources.limiter, secret=settings.secret.get_secret_value())
            app.state.read_limits = ReadLimits(resources.limiter, settings)
            if not settings.fast_path:
                yield {}
                return
            async with open_fast_path(resources, app.state.visit_notes) as fast_path:
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
        generate_unique_id_function=_operation_id,
    )
    app.state.recipients = Recipients(settings.smtp_url, our_host=mail_host(settings.public_url))
    app.state.visit_notes = VisitNotes(settings)
    app.state.proxy_watch = ProxyWatch(settings.trusted_proxies)
    app.state.templates = create_templates(settings)
    problems.add_handlers(app)
    app.add_middleware(BodyLimitsMiddleware, limit=_body_limit(settings), budget_bytes=BODY_BUDGET_BYTES)
    app.add_middleware(SecurityHeadersMiddleware)
    app.include_router(create_routes.router)
    app.mount("/static/docs", CachedStaticFiles(api_docs.assets_folder()))
    app.mount("/static", CachedStaticFiles(STATIC, version=static_version))
    app.include_router(api_docs.router)
    app.include_router(static_files.router)
    app.include_router(health.router)
    app.include_router(metrics_page.router)
    app.include_router(site_pages.router)
    # Before /entries/{key}, which would swallow /entries/export.
    app.include_router(my_entries_routes.router)
    app.include_router(routes.router)
    app.include_router(statistics_routes.router)
    app.include_router(auth_routes.router)
    app.include_router(me_routes.router)
    app.include_router(collection_routes.router)
    app.include_router(collection_routes.shared_router)
    app.include_router(account_deletion_routes.router)
    app.include_router(admin_routes.router)
    app.include_router(admin_job_routes.router)
    app.include_router(report_routes.router)
    app.include_router(create_pages.router)
    app.include_router(recovery_pages.router)
    app.include_router(my_entries_pages.router)
    app.include_router(collection_pages.router)
    app.include_router(report_pages.router)
    app.include_router(shared_pages.router)
    app.include_router(account_deletion_pages.router)
    app.include_router(sign_in_pages.router)
    app.include_router(settings_pages.router)
    app.include_router(manage_pages.router)
    app.include_router(edit_pages.router)
    app.include_router(statistics_pages.router)
    app.include_router(qr_pages.router)
    # Last, because /{key} would swallow every address of one part.
    app.include_router(read_pages.router)
    _document(app, answer_head(app))
    return app


def _operation_id(route: APIRoute) -> str:
    """Generated clients name their functions so; the default would repeat the path."""
    return route.name


def _body_limit(settings: Settings) -> Callable[[str], int]:
    """The most bytes that the body of a request to a path may have."""

    def limit(path: str) -> int:
        if path == "/api/v1/pastes" or path.startswith("/api/v1/entries/"):
            # JSON may write each byte of a text as `\u0001`, six bytes.
            return 6 * settings.max_text_bytes + MAX_BODY_BYTES
        if path == "/pastes" or path.endswith("/manage/edit"):
            # A browser sends each line end as two bytes.
            return 2 * settings.max_text_bytes + MAX_BODY_BYTES
        return MAX_BODY_BYTES

    return limit


def _document(app: FastAPI, answering_head: list[set[str]]) -> None:
    """FastAPI documents every answer with a model as application/json; our refusals have a type of their own.

    `answering_head`: methods of routes that answer HEAD as they answer GET, which needs no documentation.
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
                    if status >= "400" and "application/json" in response.get("content", {}):
                        response["content"][problems.MEDIA_TYPE] = response["content"].pop("application/json")
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
