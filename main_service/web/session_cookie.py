"""The cookie that keeps a user signed in on pages. Its content is the business of `accounts`."""

from datetime import timedelta
from typing import TypeVar

from fastapi import Request, Response

from main_service.settings import Settings

COOKIE = "slipbin_session"

AnyResponse = TypeVar("AnyResponse", bound=Response)


def has_session_cookie(request: Request) -> bool:
    """Whether the request has a session cookie. Whether its session is still valid is not checked."""
    return bool(request.cookies.get(COOKIE))


def set_session_cookie(response: AnyResponse, token: str, *, lifetime: timedelta, settings: Settings) -> AnyResponse:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(lifetime.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.public_url.startswith("https://"),
    )
    return response


def clear_session_cookie(response: AnyResponse, settings: Settings) -> AnyResponse:
    return set_session_cookie(response, "", lifetime=timedelta(0), settings=settings)
