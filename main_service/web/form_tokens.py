"""The tokens that the release before demands of forms. The next release has neither this module nor its cookie.

While a running installation is updated, processes of both releases answer one browser. A form opened at the release
before has `Origin: null`, because its page said `no-referrer`; its token shows that it is ours. A form of this release
may be sent to a process of the release before, so each page still carries the token, as a hidden field of each form.
"""

import re
import secrets
from hashlib import sha256

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from main_service.engines.signing import Signer, SigningLabel, is_same_signature
from main_service.errors import AppError
from main_service.settings import Settings
from main_service.web.form_body import MAX_LISTED_FIELDS, TOKEN, read_fields
from main_service.web.session_cookie import session_token

COOKIE = "slipbin_form"
_COOKIE_BYTES = 24
_FORM = re.compile(r'<form\b[^>]*\bmethod="post"[^>]*>')


async def find_valid(request: Request, settings: Settings) -> tuple[bool, Receive]:
    """Whether the form in the body has the token of the browser's cookies; and what reads that body again."""
    if not request.cookies.get(COOKIE):
        return False, request.receive
    try:
        fields = dict(await read_fields(request, most=MAX_LISTED_FIELDS))
        body = await request.body()
    except (AppError, HTTPException, ClientDisconnect):
        return False, request.receive
    given = fields.get(TOKEN, "")
    is_valid = is_same_signature(given, _token(request, request.cookies[COOKIE], settings))
    is_read = False

    async def receive_again() -> Message:
        nonlocal is_read
        if is_read:
            return await request.receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return is_valid, receive_again


def add_token(request: Request, page: str, settings: Settings) -> tuple[str, str | None]:
    """The page with a token in each of its forms; and the cookie that the answer must set, if it needs a new one."""
    cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(_COOKIE_BYTES)
    field = f'<input type="hidden" name="{TOKEN}" value="{_token(request, cookie, settings)}">'
    page, count = _FORM.subn(lambda form: form[0] + field, page)
    return page, cookie if count and not request.cookies.get(COOKIE) else None


def set_cookie(response: Response, cookie: str, settings: Settings) -> None:
    is_secure = settings.public_url.startswith("https://")
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", secure=is_secure)


def _token(request: Request, cookie: str, settings: Settings) -> str:
    session = session_token(request)
    # The digest has one length: what ends one cookie can't begin the other.
    signed = sha256(session.encode("utf-8", "replace")).digest() + cookie.encode("utf-8", "replace")
    return Signer(settings.secret, SigningLabel.FORM).sign(signed).hex()
