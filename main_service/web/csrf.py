"""Forms prove that they come from our own pages: a random cookie, and a field that only we can make from it.

The signed double-submit pattern of the OWASP cheat sheet on cross-site request forgery; nothing is stored. Browsers
that say where a request comes from (`Sec-Fetch-Site`) are believed first. The field is made from the session cookie
too: forms from before somebody signed in or out are void, and who can plant the random cookie has gained nothing.
"""

import secrets
from hashlib import sha256
from typing import TypeVar

from fastapi import Request, Response
from starlette.routing import Match

from main_service.engines.signing import Signer, SigningLabel, is_same_signature
from main_service.errors import FormExpiredError, OpenedOverHttpError
from main_service.settings import Settings
from main_service.web import session_cookie

COOKIE = "slipbin_form"
FIELD = "csrf_token"
_COOKIE_BYTES = 24
_NO_PAGES = ("/links", "/pastes", "/reset", "/sign-out")
"""Where forms of other pages go; as an address of an entry each would answer GET."""

Answer = TypeVar("Answer", bound=Response)


class CsrfForm:
    """The token of one visitor's forms. Make it before rendering, `attach` it to the answer.

    `new_session`: the session cookie that the same answer sets, where it sets one.
    """

    def __init__(self, request: Request, settings: Settings, *, new_session: str | None = None) -> None:
        self._settings = settings
        self._is_new = not request.cookies.get(COOKIE)
        self._cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(_COOKIE_BYTES)
        session = request.cookies.get(session_cookie.COOKIE, "") if new_session is None else new_session
        self.token = _token(self._cookie, session, settings)

    def attach(self, response: Answer) -> Answer:
        if self._is_new:
            response.set_cookie(
                COOKIE,
                self._cookie,
                httponly=True,
                samesite="lax",
                secure=self._settings.public_url.startswith("https://"),
            )
        return response


def check_form(request: Request, token: object, settings: Settings) -> None:
    """`token`: what came in the field `csrf_token`, if anything.

    Raises:
        FormExpiredError: the form was not sent from one of our pages.
        OpenedOverHttpError: it was, but over http while the service is reached under https.
    """
    cookie, session = (request.cookies.get(name, "") for name in (COOKIE, session_cookie.COOKIE))
    is_foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    is_ours = isinstance(token, str) and is_same_signature(token, _token(cookie, session, settings))
    if not cookie and settings.public_url.startswith("https://") and _is_over_http(request):
        raise OpenedOverHttpError(settings.public_url + _page_of_form(request))
    if is_foreign or not cookie or not is_ours:
        raise FormExpiredError


def _is_over_http(request: Request) -> bool:
    """Whether the browser seems to speak http: a proxy says so, or what browsers tell over https only is missing."""
    scheme = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return scheme == "http" or (not scheme and "sec-fetch-site" not in request.headers)


def _page_of_form(request: Request) -> str:
    """The path of the page that the form stands on: its own, or the next above it that answers GET."""
    path: str = request.scope["raw_path"].decode("ascii", "replace")
    while path.strip("/") and path not in _NO_PAGES:
        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return path
        path = path.rpartition("/")[0]
    return "/"


def _token(cookie: str, session: str, settings: Settings) -> str:
    # The digest has one length: what ends one cookie can't begin the other.
    signed = sha256(session.encode("utf-8", "replace")).digest() + cookie.encode("utf-8", "replace")
    return Signer(settings.secret, SigningLabel.FORM).sign(signed).hex()
