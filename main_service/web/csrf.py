"""Forms prove that they come from our own pages: a random cookie, and a field that only we can make from it.

The signed double-submit pattern of the OWASP cheat sheet on cross-site request forgery; nothing is stored. Browsers
that say where a request comes from (`Sec-Fetch-Site`) are believed first.
"""

import hmac
import secrets
from hashlib import sha256
from typing import TypeVar

from fastapi import Request, Response

from main_service.errors import FormExpiredError
from main_service.settings import Settings

COOKIE = "slipbin_form"
FIELD = "csrf_token"
_COOKIE_BYTES = 24

Answer = TypeVar("Answer", bound=Response)


class CsrfForm:
    """The token of one visitor's forms. Make it before rendering, `attach` it to the answer."""

    def __init__(self, request: Request, settings: Settings) -> None:
        self._settings = settings
        self._is_new = not request.cookies.get(COOKIE)
        self._cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(_COOKIE_BYTES)
        self.token = _token(self._cookie, settings)

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
    """
    cookie = request.cookies.get(COOKIE, "")
    is_foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    is_ours = isinstance(token, str) and hmac.compare_digest(
        token.encode("utf-8", "replace"), _token(cookie, settings).encode("ascii")
    )
    if is_foreign or not cookie or not is_ours:
        raise FormExpiredError


def _token(cookie: str, settings: Settings) -> str:
    key = settings.secret.get_secret_value().encode()
    return hmac.new(key, b"form:" + cookie.encode("utf-8", "replace"), sha256).hexdigest()
