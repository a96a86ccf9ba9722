"""The cookie that keeps a user signed in on pages. Its content is the business of `accounts`.

Where the public URL is https, its name begins with `__Host-`: browsers then take it only from this host itself, over
https, so no sub-domain and nothing on the way can plant another session.
"""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from fastapi import Response
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from main_service.compression.our_cookies import SESSION_COOKIE
from main_service.settings import Settings
from main_service.web.cookies import cookies_named

COOKIE = SESSION_COOKIE
"""Its name over plain http. Over https the previous release used it, too."""
HTTPS_COOKIE = f"__Host-{COOKIE}"
_NAMES = (COOKIE, HTTPS_COOKIE)

OLD_NAME_ENDS_AT = datetime(2027, 3, 1, tzinfo=UTC)
"""Until then `COOKIE` is read over https: 30 days after an upgrade, no session with that name is left."""

AnyResponse = TypeVar("AnyResponse", bound=Response)


def session_cookie_name(settings: Settings) -> str:
    return HTTPS_COOKIE if settings.public_url.startswith("https://") else COOKIE


def session_token(request: HTTPConnection) -> str:
    """The content of the session cookie; empty if there is none. Whether its session is still valid is not checked."""
    settings: Settings = request.app.state.resources.settings
    name = session_cookie_name(settings)
    cookies = dict(cookies_named(request, _NAMES))
    if name not in cookies and _is_old_name_read():
        name = COOKIE
    return cookies.get(name, "")


def has_session_cookie(request: HTTPConnection) -> bool:
    """Whether the request has a session cookie. Whether its session is still valid is not checked."""
    return bool(session_token(request))


def set_session_cookie(response: AnyResponse, token: str, *, lifetime: timedelta, settings: Settings) -> AnyResponse:
    name = session_cookie_name(settings)
    _set(response, name, token, lifetime, is_https=name == HTTPS_COOKIE)
    if name == HTTPS_COOKIE and _is_old_name_read():
        _set(response, COOKIE, "", timedelta(0), is_https=True)
    return response


def clear_session_cookie(response: AnyResponse, settings: Settings) -> AnyResponse:
    return set_session_cookie(response, "", lifetime=timedelta(0), settings=settings)


def sign_out_of_browser(response: AnyResponse, settings: Settings) -> AnyResponse:
    """End the session cookie, and have the browser empty what scripts of ours keep there: drafts, recent entries.

    For users who sign out. When a session merely expires, their drafts stay.
    """
    response.headers["Clear-Site-Data"] = '"storage"'
    return clear_session_cookie(response, settings)


class SessionCookieMiddleware:
    """Replaces the session cookie of the previous release, in each answer to it that no cache keeps.

    Only where the public URL is https.
    """

    def __init__(self, app: ASGIApp, *, lifetime: timedelta, settings: Settings) -> None:
        self._app = app
        self._lifetime = lifetime
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = self._old_token(scope) if scope["type"] == "http" else ""
        if not token:
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_kept = "no-store" not in headers.get("cache-control", "")
                is_set = any(value.startswith(f"{HTTPS_COOKIE}=") for value in headers.getlist("set-cookie"))
                if not is_kept and not is_set:
                    response = set_session_cookie(Response(), token, lifetime=self._lifetime, settings=self._settings)
                    for value in response.headers.getlist("set-cookie"):
                        headers.append("set-cookie", value)
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _old_token(self, scope: Scope) -> str:
        """The session of the previous release, if it is all that the request has; else empty."""
        if not _is_old_name_read():
            return ""
        cookies = dict(cookies_named(HTTPConnection(scope), _NAMES))
        return "" if HTTPS_COOKIE in cookies else cookies.get(COOKIE, "")


def _set(response: Response, name: str, token: str, lifetime: timedelta, *, is_https: bool) -> None:
    seconds = int(lifetime.total_seconds())
    response.set_cookie(name, token, max_age=seconds, path="/", httponly=True, samesite="lax", secure=is_https)


def _is_old_name_read() -> bool:
    return datetime.now(UTC) < OLD_NAME_ENDS_AT
