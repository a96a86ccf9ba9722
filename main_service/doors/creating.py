"""Creates entries for all doors, by the service calls of the API, and answers with the link alone or with JSON."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from main_service.accounts.models import Account
from main_service.entries.dependencies import IDEMPOTENCY_KEY, entry_factory_of, idempotency_scope_of
from main_service.entries.entry import LiveEntry
from main_service.entries.idempotency import IdempotentRequest
from main_service.entries.lifetimes import Lifetime
from main_service.entries.models import Kind
from main_service.entries.schemas import LinkIn, PasteOptionsIn
from main_service.entries.serializers import created_link_out, created_paste_out, etag, short_url
from main_service.errors import FieldError, InvalidInputError
from main_service.web.forms import parse
from main_service.web.negotiation import prefers_json

MANAGE_TOKEN = "X-Manage-Token"  # noqa: S105 (the name of a header)
_LONGEST_IDEMPOTENCY_KEY = 255


@dataclass(frozen=True)
class Created:
    """A new entry, or the one that the same request created before."""

    entry: LiveEntry
    url: str
    """The link to share."""
    manage_token: str | None
    """None: the entry belongs to an account."""
    headers: Mapping[str, str]
    """`Location`, `ETag`, the manage token, and what is left of the limits."""
    public_url: str

    def as_json(self) -> Response:
        """The answer of the API to a create."""
        make = created_link_out if self.entry.kind is Kind.LINK else created_paste_out
        out = make(self.entry, self.public_url, self.manage_token)
        return JSONResponse(out.model_dump(mode="json"), 201, headers=dict(self.headers))

    def as_text(self) -> Response:
        """The link alone, with a line end."""
        return PlainTextResponse(f"{self.url}\n", 201, headers=dict(self.headers))


async def create_paste(
    request: Request,
    values: Mapping[str, object],
    text: bytes,
    *,
    account: Account | None,
    lifetime: Lifetime | None = None,
) -> Created:
    """Create a paste. `values`: fields of `PasteOptionsIn`; `text`: in UTF-8; `lifetime`: None: that of `values`.

    Raises:
        AppError: as for `POST /api/v1/pastes`.
    """
    require_text(text)
    options = parse(PasteOptionsIn, values)
    idempotency = await _idempotency(request, account, values, lifetime, text=text)
    entries = entry_factory_of(request)
    creator = entries.creator(account)
    new = options.new_entry()
    if lifetime is not None:
        new = replace(new, lifetime=lifetime)
    entry = await creator.create_paste(new, text=text, idempotency=idempotency)
    token = entries.manage_tokens.token_of(entry)
    return _created(entry, entries.public_url, token, creator.allowance.raw_headers)


def require_text(text: bytes) -> None:
    """Raises InvalidInputError where there is none."""
    if not text:
        raise InvalidInputError(fields=[FieldError("text", "empty", "There is no text in this request.")])


async def create_link(
    request: Request,
    values: Mapping[str, object],
    *,
    account: Account | None,
    lifetime: Lifetime | None = None,
    has_secret_key: bool = False,
) -> Created:
    """Create a link. `values`: fields of `LinkIn`; `lifetime`: None: that of `values`.

    `has_secret_key`: whether its key is to be as hard to guess as that of a paste.

    Raises:
        AppError: as for `POST /api/v1/links`.
    """
    link = parse(LinkIn, values)
    idempotency = await _idempotency(request, account, values, lifetime, has_secret_key)
    entries = entry_factory_of(request)
    creator = entries.creator(account)
    new = replace(link.new_entry(), has_secret_key=has_secret_key)
    if lifetime is not None:
        new = replace(new, lifetime=lifetime)
    entry = await creator.create_link(new, idempotency=idempotency)
    token = entries.manage_tokens.token_of(entry)
    return _created(entry, entries.public_url, token, creator.allowance.raw_headers)


def plain_answer(request: Request, created: Created) -> Response:
    """JSON for clients that ask for it, to all others the link alone."""
    return created.as_json() if prefers_json(request.headers) else created.as_text()


def _created(entry: LiveEntry, public_url: str, manage_token: str | None, limits: list[tuple[bytes, bytes]]) -> Created:
    url = short_url(public_url, entry.key)
    headers = {"Location": url, **etag(entry)}
    if manage_token is not None:
        headers[MANAGE_TOKEN] = manage_token
    headers |= {name.decode(): value.decode() for name, value in limits}
    return Created(entry, url, manage_token, headers, public_url)


async def _idempotency(
    request: Request, account: Account | None, *asked: object, text: bytes = b""
) -> IdempotentRequest | None:
    """The identity of a request that may be repeated, by what it asks for: options may come in headers, and programs
    that send a form again draw another boundary. None: it has no `Idempotency-Key`.
    """
    key = _idempotency_key(request)
    if key is None:
        return None
    digest = await asyncio.to_thread(sha256, text)
    digest.update(json.dumps(asked, sort_keys=True, default=str).encode())
    return IdempotentRequest(idempotency_scope_of(request, account), key, digest.digest())


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not (1 <= len(key) <= _LONGEST_IDEMPOTENCY_KEY and key.isascii() and key.isprintable() and " " not in key):
        message = "Send 1 to 255 visible ASCII characters, without spaces."
        raise InvalidInputError(fields=[FieldError(IDEMPOTENCY_KEY, "header_invalid", message)])
    return key
