"""The cookies with the manage token of a guest's entry, by which the browser that made it may change it.

A cookie for `/{key}` goes to the page of the entry and to all below it, but not to `/{key}+`, so there are two.
"""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from fastapi import Request, Response

from main_service.compression.our_cookies import MANAGE_COOKIE
from main_service.dependencies import resources_of
from main_service.engines.signing import is_same_signature
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.entries.permissions import ManageTokens
from main_service.settings import Settings
from main_service.web.cookies import cookies_named

HTTPS_COOKIE = f"__Secure-{MANAGE_COOKIE}"
"""The cookie's name where the public URL is https. `__Host-` is only allowed for the path `/`."""
LONGEST = timedelta(days=400)
"""Browsers keep no cookie for longer."""

AnyResponse = TypeVar("AnyResponse", bound=Response)


def manage_cookie_name(settings: Settings) -> str:
    return HTTPS_COOKIE if _is_https(settings) else MANAGE_COOKIE


def set_manage_cookies(response: AnyResponse, entry: LiveEntry, token: str, settings: Settings) -> AnyResponse:
    """Let the browser manage the guest's entry until that ends. `token`: the one that opens it."""
    left = LONGEST if entry.expires_at is None else min(entry.expires_at - datetime.now(UTC), LONGEST)
    name, seconds = manage_cookie_name(settings), max(int(left.total_seconds()), 0)
    for path in (f"/{entry.key}", f"/{entry.key}+"):
        _set(response, name, token, path=path, seconds=seconds, settings=settings)
    return response


def clear_manage_cookies(response: AnyResponse, key: str, settings: Settings) -> AnyResponse:
    """End the cookies of an entry, and the one of the previous release. `key`: one that an entry could have."""
    for name, path in (
        (manage_cookie_name(settings), f"/{key}"),
        (manage_cookie_name(settings), f"/{key}+"),
        (MANAGE_COOKIE, f"/{key}/manage"),
    ):
        _set(response, name, "", path=path, seconds=0, settings=settings)
    return response


def manage_token_of(request: Request, key: str) -> str | None:
    """The manage token in the request's cookies; None: there is none. Whether the entry is still a guest's is not
    checked.

    Of several, the right one: a sub-domain, or the previous release, may have set another for the same path.
    """
    settings = resources_of(request).settings
    names = (manage_cookie_name(settings), MANAGE_COOKIE)
    tokens = [token for _, token in cookies_named(request, names) if token]
    if not tokens:
        return None
    right = _manage_tokens(request).token_for(key)
    return next((token for token in tokens if is_same_signature(token, right)), tokens[0])


def find_manage_token(request: Request, entry: LiveEntry) -> str | None:
    """The manage token in the request's cookies, if the entry is a guest's and the token opens it."""
    token = manage_token_of(request, entry.key) if entry.owner_id is None else None
    try:
        _manage_tokens(request).check(entry.key, token, entry.manage_generation)
    except (ManageTokenMissingError, ManageTokenWrongError):
        return None
    return token


def _manage_tokens(request: Request) -> ManageTokens:
    tokens: ManageTokens = request.app.state.entry_resources.manage_tokens
    return tokens


def _is_https(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")


def _set(response: Response, name: str, token: str, *, path: str, seconds: int, settings: Settings) -> None:
    response.set_cookie(
        name, token, max_age=seconds, path=path, httponly=True, samesite="lax", secure=_is_https(settings)
    )
