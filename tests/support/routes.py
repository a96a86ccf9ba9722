"""Every route of the web application: who may use it, and what it changes.

Methods and paths come from the application. What it can't tell is declared here, so that a new route needs a row.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from fastapi.routing import iter_route_contexts

from main_service.app import create_app
from main_service.settings import Settings
from tests.support.accounts import PASSWORD
from tests.support.settings import VALID_SETTINGS


class Who(StrEnum):
    """The least that a client must be, for a route to do what it is for."""

    ANYONE = "anyone, guests included"
    READER = "who may see the entry: anyone, of a private one its owner"
    STATISTICS_READER = "the owner of the entry; anyone, where the owner has published its statistics"
    USER = "a signed-in user, in their own name"
    MANAGER = "the owner of the entry, or a client with its manage token"
    OWNER = "the owner of what the path or the body names"
    SUPERUSER = "a superuser"
    OPERATOR = "a client with MAIN_METRICS_TOKEN"


@dataclass(frozen=True)
class Change:
    """What a route with an unsafe method does. `body`: of a request that does it; names in braces are filled in."""

    who: Who
    what: str
    body: Any = None
    query: str = ""


_FOR_PROGRAMS = ("POST /documents", "POST /pastebinit", "POST /{key}")
_DOORS_OF_PROGRAMS = ("/rest/", "/v4/")


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    who: Who
    change: Change | None = None
    """None: its method is GET."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    @property
    def takes_json(self) -> bool:
        return self.is_api or self.path.startswith(_DOORS_OF_PROGRAMS)

    @property
    def is_for_programs(self) -> bool:
        """Whether a bearer token says whose request it is, and no cookie."""
        return self.takes_json or self.method in ("PUT", "DELETE") or self.name in _FOR_PROGRAMS


NEW_PASSWORD = "Marvellous-2"

READS: dict[Who, set[str]] = {
    Who.ANYONE: {
        "/", "/.well-known/change-password", "/.well-known/security.txt", "/api", "/api/v1/auth/verify/{token}",
        "/api/v1/stats/top", "/docs", "/favicon.ico", "/forgot", "/health/live", "/health/ready", "/openapi.json",
        "/privacy", "/redoc", "/register", "/reset/{token}", "/robots.txt", "/sign-in", "/top", "/verify/{token}",
        "/api/v1/shared/{shared_key}", "/c/{shared_key}", "/yourls-api.php",
        "/rest/health", "/rest/v3/health", "/api/v1/lexer", "/api/v1/expiry",
        "/clients/sharex-text.sxcu", "/clients/sharex-url.sxcu",
        # Where a form was sent to: they lead back to its page.
        "/collections/add", "/collections/{collection_id}/delete", "/collections/{collection_id}/entries",
        "/collections/{collection_id}/name", "/collections/{collection_id}/remove",
        "/collections/{collection_id}/sharing", "/links", "/pastes", "/profile/delete", "/reports/{report_id}/delete",
        "/settings/confirm", "/settings/daily-report", "/settings/sign-out-everywhere",
        "/settings/import/{import_id}/stop",
        "/settings/tokens/{token_id}/delete", "/settings/username", "/sign-out", "/{key}/reveal",
        "/reset", "/{key}/forget", "/{key}/manage/claim", "/{key}/manage/delete", "/{key}/manage/expiry",
    },
    Who.READER: {
        "/api/v1/entries/{key}", "/api/v1/entries/{key}/text", "/{key}", "/{key}+", "/{key}/", "/{key}/qr.png",
        "/{key}.{extension}", "/{key}/download", "/{key}/qr.svg", "/{key}/raw", "/{key}/raw/{name}",
        "/documents/{key}", "/raw/{key}", "/api/v1/paste/{key}",
    },
    Who.STATISTICS_READER: {"/api/v1/entries/{key}/history", "/api/v1/entries/{key}/stats", "/{key}/stats"},
    Who.USER: {
        "/api/v1/auth/whoami", "/api/v1/collections", "/api/v1/entries", "/api/v1/entries/export",
        "/api/v1/imports", "/api/v1/reports", "/api/v1/me/export.zip",
        "/api/v1/stats/me", "/api/v1/tokens", "/api/v1/users/me", "/collections", "/profile",
        "/profile/export.csv", "/profile/export.jsonl", "/profile/export.zip", "/reports", "/settings",
        "/settings/data", "/settings/delete", "/settings/email", "/settings/import", "/settings/password",
        "/settings/sessions",
        "/rest/v3/short-urls", "/rest/v3/tags", "/rest/v3/tags/stats", "/rest/v3/visits",
        "/rest/v3/visits/non-orphan", "/rest/v3/visits/orphan", "/rest/v3/domains", "/rest/v3/mercure-info",
        "/rest/v3/domains/{domain}/visits", "/v4/user", "/v4/groups",
        "/settings/tokens", "/settings/visits",
    },
    Who.MANAGER: {"/{key}/edit", "/{key}/manage", "/{key}/manage/edit", "/{key}/manage/stats"},
    Who.OWNER: {
        "/api/v1/collections/{collection_id}", "/api/v1/collections/{collection_id}/entries",
        "/api/v1/imports/{import_id}", "/api/v1/imports/{import_id}/lines",
        "/settings/import/{import_id}", "/settings/import/{import_id}/lines",
        "/api/v1/reports/{report_id}", "/api/v1/reports/{report_id}/file", "/collections/{collection_id}",
        "/reports/{report_id}/file", "/rest/v3/short-urls/{key}", "/rest/v3/short-urls/{key}/visits",
        "/rest/v3/tags/{tag}/visits", "/v4/bitlinks/{host}/{key}", "/v4/bitlinks/{host}/{key}/clicks",
        "/v4/bitlinks/{host}/{key}/clicks/summary", "/v4/groups/{group_guid}", "/v4/groups/{group_guid}/bitlinks",
        "/rest/v3/short-urls/{key}/redirect-rules",
    },
    Who.SUPERUSER: {"/api/v1/admin/accounts", "/api/v1/admin/tasks/{task_id}"},
    Who.OPERATOR: {"/metrics"},
}  # fmt: skip

CHANGES: dict[str, Change] = {
    # Accounts, before the user is signed in.
    "POST /api/v1/auth/register": Change(Who.ANYONE, "account"),
    "POST /api/v1/auth/verify/resend": Change(Who.ANYONE, "email"),
    "POST /api/v1/auth/token": Change(Who.ANYONE, "session"),
    "POST /api/v1/auth/refresh": Change(Who.ANYONE, "session"),
    "POST /api/v1/auth/forgot-password": Change(Who.ANYONE, "email"),
    "POST /api/v1/auth/reset-password": Change(Who.ANYONE, "account"),
    "POST /register": Change(Who.ANYONE, "account"),
    "POST /verify/{token}": Change(Who.ANYONE, "account"),
    "POST /forgot": Change(Who.ANYONE, "email"),
    "POST /reset": Change(Who.ANYONE, "account"),
    "POST /reset/{token}": Change(Who.ANYONE, "account"),
    "POST /sign-in": Change(Who.ANYONE, "session"),
    "POST /sign-out": Change(Who.ANYONE, "session"),
    # Entries.
    "POST /api/v1/pastes": Change(Who.ANYONE, "entry", {"text": "a"}),
    "POST /api/v1/links": Change(Who.ANYONE, "entry", {"original_url": "https://example.org/"}),
    "POST /api/v1/entries/bulk": Change(Who.ANYONE, "entry", {"text": "a"}),
    "POST /pastes": Change(Who.ANYONE, "entry", {"text": "a"}),
    "POST /links": Change(Who.ANYONE, "entry", {"original_url": "https://example.org/"}),
    "POST /": Change(Who.ANYONE, "entry", {"url": "https://example.org/"}),
    "PUT /": Change(Who.ANYONE, "entry", {"any": "text"}),
    "PUT /{name}": Change(Who.ANYONE, "entry", {"any": "text"}),
    "DELETE /{key}": Change(Who.MANAGER, "entry"),
    "POST /rest/v3/short-urls": Change(Who.USER, "entry", {"longUrl": "https://example.org/"}),
    "PATCH /rest/v3/short-urls/{key}": Change(Who.OWNER, "entry", {"title": "theirs"}),
    "DELETE /rest/v3/short-urls/{key}": Change(Who.OWNER, "entry"),
    "DELETE /rest/v3/short-urls/{key}/visits": Change(Who.OWNER, "nothing"),
    "DELETE /rest/v3/visits/orphan": Change(Who.USER, "nothing"),
    "POST /rest/v3/short-urls/{key}/redirect-rules": Change(Who.OWNER, "nothing", {"redirectRules": []}),
    "PATCH /rest/v3/domains/redirects": Change(Who.USER, "nothing", {"domain": "DEFAULT"}),
    "PUT /rest/v3/tags": Change(Who.OWNER, "collection", {"oldName": "mine", "newName": "theirs"}),
    "DELETE /rest/v3/tags": Change(Who.OWNER, "collection", query="?tags[]=mine"),
    "POST /v4/shorten": Change(Who.USER, "entry", {"long_url": "https://example.org/"}),
    "POST /v4/bitlinks": Change(Who.USER, "entry", {"long_url": "https://example.org/"}),
    "POST /v4/expand": Change(Who.READER, "nothing", {"bitlink_id": "{key}"}),
    "PATCH /v4/bitlinks/{host}/{key}": Change(Who.OWNER, "entry", {"title": "theirs"}),
    "DELETE /v4/bitlinks/{host}/{key}": Change(Who.OWNER, "entry"),
    "POST /yourls-api.php": Change(Who.ANYONE, "entry", {"action": "shorturl", "url": "https://example.org/"}),
    # Doors of other programs.
    "POST /documents": Change(Who.ANYONE, "entry", {"any": "text"}),
    "POST /pastebinit": Change(Who.ANYONE, "entry", {"text": "a"}),
    "POST /api/v2": Change(Who.ANYONE, "entry", {"content": "a"}),
    "POST /api/v2/": Change(Who.ANYONE, "entry", {"content": "a"}),
    "POST /api/v1/paste": Change(Who.ANYONE, "entry", {"files": [{"content": "a"}]}),
    "POST /{key}": Change(Who.MANAGER, "entry", {"delete": "yes"}),
    "POST /{key}/reveal": Change(Who.READER, "view", {}),
    "POST /api/v1/entries/{key}/claim": Change(Who.USER, "entry"),
    "PATCH /api/v1/entries/{key}": Change(Who.MANAGER, "entry", {"title": "theirs"}),
    "DELETE /api/v1/entries/{key}": Change(Who.MANAGER, "entry"),
    "POST /{key}/forget": Change(Who.ANYONE, "cookie", {}),
    "POST /{key}/manage": Change(Who.MANAGER, "cookie", {"token": "a"}),
    "POST /{key}/manage/expiry": Change(Who.MANAGER, "entry", {"lifetime": "PT1H"}),
    "POST /{key}/manage/claim": Change(Who.MANAGER, "entry", {}),
    "POST /{key}/manage/delete": Change(Who.MANAGER, "entry", {"confirm": "yes"}),
    "POST /{key}/edit": Change(
        Who.MANAGER, "entry", {"title": "theirs", "visibility": "public", "original_url": "https://other.example/"}
    ),
    "POST /{key}/manage/edit": Change(
        Who.MANAGER, "entry", {"title": "theirs", "visibility": "public", "original_url": "https://other.example/"}
    ),
    "POST /api/v1/entries/delete": Change(Who.OWNER, "entry", {"keys": ["{key}"]}),
    "POST /profile/delete": Change(Who.OWNER, "entry", {"keys": "{key}", "confirm": "yes"}),
    # The user's own account.
    "PATCH /api/v1/users/me": Change(Who.USER, "account", {"username": "{username}"}),
    "DELETE /api/v1/users/me": Change(Who.USER, "account", {"password": PASSWORD, "entries": "leave"}),
    "POST /api/v1/auth/logout": Change(Who.USER, "session"),
    "POST /api/v1/auth/logout-everywhere": Change(Who.USER, "session"),
    "POST /api/v1/auth/change-password": Change(
        Who.USER, "account", {"password": PASSWORD, "new_password": NEW_PASSWORD}
    ),
    "POST /settings/username": Change(Who.USER, "account", {"username": "{username}"}),
    "POST /settings/visits": Change(Who.USER, "account", {}),
    "POST /settings/daily-report": Change(Who.USER, "account", {"daily_report": "yes"}),
    "POST /settings/email": Change(Who.USER, "email", {"email": "{username}@example.org", "password": PASSWORD}),
    "POST /settings/confirm": Change(Who.USER, "email", {}),
    "POST /settings/password": Change(Who.USER, "account", {"password": PASSWORD, "new_password": NEW_PASSWORD}),
    "POST /settings/sign-out-everywhere": Change(Who.USER, "session", {}),
    "POST /settings/delete": Change(Who.USER, "account", {"password": PASSWORD, "entries": "leave"}),
    "POST /api/v1/tokens": Change(Who.USER, "API token", {"name": "another"}),
    "DELETE /api/v1/tokens/{token_id}": Change(Who.OWNER, "API token"),
    "POST /settings/tokens": Change(Who.USER, "API token", {"name": "another", "scopes": "write"}),
    "POST /settings/tokens/{token_id}/delete": Change(Who.OWNER, "API token", {}),
    # Collections.
    "POST /api/v1/collections": Change(Who.USER, "collection", {"name": "another"}),
    "PATCH /api/v1/collections/{collection_id}": Change(Who.OWNER, "collection", {"name": "theirs"}),
    "DELETE /api/v1/collections/{collection_id}": Change(Who.OWNER, "collection"),
    "POST /api/v1/collections/{collection_id}/entries": Change(Who.OWNER, "collection", {"keys": ["{other_key}"]}),
    "PUT /api/v1/collections/{collection_id}/entries/{entry_key}": Change(Who.OWNER, "collection"),
    "DELETE /api/v1/collections/{collection_id}/entries/{entry_key}": Change(Who.OWNER, "collection"),
    "POST /collections": Change(Who.USER, "collection", {"name": "another"}),
    "POST /collections/add": Change(Who.OWNER, "collection", {"collection": "{collection_id}", "keys": "{other_key}"}),
    "POST /collections/{collection_id}/name": Change(Who.OWNER, "collection", {"name": "theirs"}),
    "POST /collections/{collection_id}/sharing": Change(Who.OWNER, "collection", {"is_shared": "yes"}),
    "POST /collections/{collection_id}/entries": Change(Who.OWNER, "collection", {"keys": "{other_key}"}),
    "POST /collections/{collection_id}/remove": Change(Who.OWNER, "collection", {"key": "{key}"}),
    "POST /collections/{collection_id}/delete": Change(Who.OWNER, "collection", {"confirm": "yes"}),
    # Reports.
    "POST /api/v1/reports": Change(Who.USER, "report", {"from": "2026-03-01", "to": "2026-03-31", "format": "xlsx"}),
    "DELETE /api/v1/reports/{report_id}": Change(Who.OWNER, "report"),
    "POST /reports": Change(Who.USER, "report", {"span": "week", "format": "xlsx"}),
    "POST /reports/{report_id}/delete": Change(Who.OWNER, "report", {}),
    # Imports.
    "POST /api/v1/imports": Change(Who.USER, "import", {"format": "bitly-csv"}),
    "POST /api/v1/imports/{import_id}/stop": Change(Who.OWNER, "import"),
    "POST /settings/import": Change(Who.USER, "import", {"format": "bitly-csv"}),
    "POST /settings/import/{import_id}/stop": Change(Who.OWNER, "import", {}),
    # Administration.
    "POST /api/v1/admin/accounts/{account_id}/disable": Change(Who.SUPERUSER, "account"),
    "POST /api/v1/admin/accounts/{account_id}/enable": Change(Who.SUPERUSER, "account"),
    "POST /api/v1/admin/archive-unused": Change(Who.SUPERUSER, "admin job", query="?days=36500"),
    "POST /api/v1/admin/cleanup": Change(Who.SUPERUSER, "admin job"),
}


def declared_names() -> set[str]:
    """Method and path of each row above."""
    return {f"GET {path}" for paths in READS.values() for path in paths} | CHANGES.keys()


@cache
def names_in_application() -> frozenset[str]:
    """Method and path of each route that the application has; HEAD goes where GET does."""
    app = create_app(Settings(**VALID_SETTINGS))
    return frozenset(
        f"{method} {route.path_format}"
        for route in iter_route_contexts(app.routes)
        for method in set(route.methods or ()) - {"HEAD"}
    )


def all_routes() -> list[Route]:
    """The routes of the application, each with its row.

    Raises:
        AssertionError: a route has no row, or a row no route; says what to do.
    """
    missing, left_over = names_in_application() - declared_names(), declared_names() - names_in_application()
    assert not missing, f"say in READS or CHANGES of tests/support/routes.py who may use {sorted(missing)}"
    assert not left_over, f"take out of tests/support/routes.py, for they are gone: {sorted(left_over)}"
    return changing_routes() + reading_routes()


def reading_routes(*who: Who) -> list[Route]:
    """The routes with GET; if clients are named, only theirs."""
    return [
        Route("GET", path, least) for least, paths in READS.items() for path in sorted(paths) if not who or least in who
    ]


def changing_routes(*who: Who) -> list[Route]:
    """The routes with another method than GET; if clients are named, only theirs."""
    return [
        Route(*name.split(" "), who=change.who, change=change)
        for name, change in CHANGES.items()
        if not who or change.who in who
    ]
