"""The routers of all features. Their order matters only where a comment says so; a test checks it."""

from collections.abc import Iterator, Mapping

from fastapi import APIRouter

from main_service.account_deletion import pages as account_deletion_pages
from main_service.account_deletion import routes as account_deletion_routes
from main_service.accounts.pages import recovery as recovery_pages
from main_service.accounts.pages import settings as settings_pages
from main_service.accounts.pages import sign_in as sign_in_pages
from main_service.accounts.routes import admin as admin_routes
from main_service.accounts.routes import auth as auth_routes
from main_service.accounts.routes import me as me_routes
from main_service.admin_jobs import routes as admin_job_routes
from main_service.collections import pages as collection_pages
from main_service.collections import routes as collection_routes
from main_service.collections import shared_pages
from main_service.doors import curl, haste, null_pointer, pastebinit, pinnwand, sharex
from main_service.doors.bitly import router as bitly
from main_service.doors.shlink import router as shlink
from main_service.doors.yourls import router as yourls
from main_service.entries.routes import bulk as bulk_routes
from main_service.entries.routes import create as create_routes
from main_service.entries.routes import existing as entry_routes
from main_service.entry_pages import create_pages, edit_pages, file_pages, manage_pages, qr_pages, read_pages
from main_service.my_entries import pages as my_entries_pages
from main_service.my_entries import routes as my_entries_routes
from main_service.operations import health, metrics_page, site_pages
from main_service.reports import pages as report_pages
from main_service.reports import routes as report_routes
from main_service.statistics import pages as statistics_pages
from main_service.statistics import routes as statistics_routes
from main_service.statistics import top_page
from main_service.transfer import pages as import_pages
from main_service.transfer import routes as import_routes
from main_service.web import api_docs, static_files

API_ROUTERS = (
    # First, because it gets the most requests.
    create_routes.router,
    health.router,
    # Before `/entries/{key}`, which matches `/entries/export`.
    my_entries_routes.router,
    bulk_routes.router,
    my_entries_routes.archive_router,
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
    import_routes.router,
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
    import_pages.router,
    settings_pages.router,
    shared_pages.router,
    sign_in_pages.router,
    site_pages.router,
    static_files.router,
    statistics_pages.router,
    top_page.router,
    file_pages.router,
    # Last, because `/{key}` matches every path with one part.
    read_pages.router,
)
"""Pages for browsers, and what stands beside them."""

DOOR_ROUTERS = {
    "pastebinit": pastebinit.router,
    "pinnwand": pinnwand.router,
    "bitly": bitly.router,
    "sharex": sharex.router,
    "shlink": shlink.router,
    "yourls": yourls.router,
    # Last, because it matches every path with one part.
    "curl": curl.router,
}
"""The routers of the doors, by their names in `MAIN_DOORS`."""


LAST_DOOR_ROUTERS = {
    "haste": haste.router,
    "0x0": null_pointer.router,
}
"""Doors that come after all pages: an old entry may have the key `documents`, and the last door matches every path with
one part."""


def open_doors(routers: Mapping[str, APIRouter], doors: frozenset[str]) -> Iterator[APIRouter]:
    """The routers of the doors that are not switched off."""
    return (router for name, router in routers.items() if name in doors)
