"""The routers of all features. Their order matters only where a comment says so; a test checks it."""

from main_service.account_deletion import pages as account_deletion_pages
from main_service.account_deletion import routes as account_deletion_routes
from main_service.accounts import admin_routes, auth_routes, me_routes, recovery_pages, settings_pages, sign_in_pages
from main_service.admin_jobs import routes as admin_job_routes
from main_service.collections import pages as collection_pages
from main_service.collections import routes as collection_routes
from main_service.collections import shared_pages
from main_service.entries import create_routes
from main_service.entries import routes as entry_routes
from main_service.entry_pages import create_pages, edit_pages, file_pages, manage_pages, qr_pages, read_pages
from main_service.my_entries import pages as my_entries_pages
from main_service.my_entries import routes as my_entries_routes
from main_service.operations import health, metrics_page, site_pages
from main_service.reports import pages as report_pages
from main_service.reports import routes as report_routes
from main_service.statistics import pages as statistics_pages
from main_service.statistics import routes as statistics_routes
from main_service.statistics import top_page
from main_service.web import api_docs, static_files

API_ROUTERS = (
    # First, because it is asked for most often.
    create_routes.router,
    health.router,
    # Before `/entries/{key}`, which would take `/entries/export`.
    my_entries_routes.router,
    entry_routes.router,
    statistics_routes.router,
    auth_routes.router,
    me_routes.router,
    collection_routes.router,
    collection_routes.shared_router,
    account_deletion_routes.router,
    admin_routes.router,
    admin_job_routes.router,
    report_routes.router,
)
"""The JSON API, in the order in which OpenAPI documents it."""

PAGE_ROUTERS = (
    account_deletion_pages.router,
    api_docs.router,
    collection_pages.router,
    create_pages.router,
    edit_pages.router,
    manage_pages.router,
    metrics_page.router,
    my_entries_pages.router,
    qr_pages.router,
    recovery_pages.router,
    report_pages.router,
    settings_pages.router,
    shared_pages.router,
    sign_in_pages.router,
    site_pages.router,
    static_files.router,
    statistics_pages.router,
    top_page.router,
    file_pages.router,
    # Last, because `/{key}` would take every path of one part.
    read_pages.router,
)
"""Pages for browsers, and what stands beside them."""
