"""A flash message: a text that a form hands to the page it redirects to, in a cookie, because it must not be in a URL.

The cookie is for that page only and lasts a minute. Under https its name begins with `__Secure-`: no one on the network
can plant it, but a sub-domain can.
"""

from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote, unquote

from fastapi import Request, Response

from main_service.settings import Settings
from main_service.web.cookies import cookies_named

COOKIE = "slipbin_told"
LIFETIME = timedelta(minutes=1)

AnyResponse = TypeVar("AnyResponse", bound=Response)


def flash_cookie_name(settings: Settings) -> str:
    return f"__Secure-{COOKIE}" if settings.public_url.startswith("https://") else COOKIE


def set_flash(response: AnyResponse, text: str, *, page: str, settings: Settings) -> AnyResponse:
    """Hand the text to the page at this path."""
    return _set(response, quote(text, safe=""), LIFETIME, page=page, settings=settings)


def clear_flash(response: AnyResponse, *, page: str, settings: Settings) -> AnyResponse:
    return _set(response, "", timedelta(0), page=page, settings=settings)


def find_flash(request: Request, settings: Settings) -> str | None:
    """The text for this page; None: there is none. A sub-domain may have planted it."""
    name = flash_cookie_name(settings)
    return next((unquote(text) for _, text in cookies_named(request, (name,)) if text), None)


def _set(response: AnyResponse, value: str, lifetime: timedelta, *, page: str, settings: Settings) -> AnyResponse:
    response.set_cookie(
        flash_cookie_name(settings),
        value,
        max_age=int(lifetime.total_seconds()),
        path=page,
        httponly=True,
        samesite="strict",
        secure=settings.public_url.startswith("https://"),
    )
    return response
