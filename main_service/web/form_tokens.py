"""The form tokens that the previous release requires. The next release needs neither this module nor its cookie.

During an update, processes of both releases answer one browser. A form opened with the previous release sends
`Origin: null`, because its page said `no-referrer`; its token shows that it is ours. A form of this release may be sent
to a process of the previous release, so each form still has the token in a hidden field.
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
from main_service.web.bodies.form import MAX_LISTED_FIELDS, TOKEN, read_fields
from main_service.web.cookies import cookies_named
from main_service.web.session_cookie import session_token

COOKIE = "slipbin_form"
_COOKIE_BYTES = 24
_FORM = re.compile(r'<form\b[^>]*\bmethod="post"[^>]*>')


async def find_valid(request: Request, settings: Settings) -> tuple[bool, Receive]:
    """Whether the form in the body has the token of the browser's cookies; and what reads that body again."""
    cookie = _find_cookie(request)
    if not cookie:
        return False, request.receive
    try:
        fields = dict(await read_fields(request, most=MAX_LISTED_FIELDS))
        body = await request.body()
    except (AppError, HTTPException, ClientDisconnect):
        return False, request.receive
    given = fields.get(TOKEN, "")
    is_valid = is_same_signature(given, _token(request, cookie, settings))
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
    known = _find_cookie(request)
    cookie = known or secrets.token_urlsafe(_COOKIE_BYTES)
    field = f'<input type="hidden" name="{TOKEN}" value="{_token(request, cookie, settings)}">'
    page, count = _FORM.subn(lambda form: form[0] + field, page)
    return page, cookie if count and not known else None


def set_cookie(response: Response, cookie: str, settings: Settings) -> None:
    is_secure = settings.public_url.startswith("https://")
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", secure=is_secure)


def _find_cookie(request: Request) -> str:
    """The value of the cookie; empty: there is none."""
    return dict(cookies_named(request, (COOKIE,))).get(COOKIE, "")


def _token(request: Request, cookie: str, settings: Settings) -> str:
    session = session_token(request)
    # The digest has a fixed length, so the end of one cookie can't pass for the beginning of the other.
    signed = sha256(session.encode("utf-8", "replace")).digest() + cookie.encode("utf-8", "replace")
    return Signer(settings.secret, SigningLabel.FORM).sign(signed).hex()
