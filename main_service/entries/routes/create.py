"""The JSON API that creates entries. Its router comes first: a request is compared with each route before its own."""

from datetime import datetime
from typing import Any

from fastapi import Request, Response
from pydantic import TypeAdapter, ValidationError

from main_service.accounts.bearer_auth import TOKEN_OR_NONE, find_writer_or_guest
from main_service.accounts.errors import AddressUnconfirmedError, ScopeMissingError, TokenInvalidError
from main_service.entries.create import EntryCreateService
from main_service.entries.dependencies import IdempotencyKeyHeader, entry_factory_of, idempotency_of
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import (
    AliasReservedError,
    AliasTakenError,
    IdempotencyKeyReusedError,
    TooMuchCreatedError,
)
from main_service.entries.field_types import Instant
from main_service.entries.schemas import CreatedLinkOut, CreatedPasteOut, LinkIn, PasteIn
from main_service.entries.serializers import ETAG_RESPONSE, created_link_out, created_paste_out, etag, short_url
from main_service.errors import (
    BodyStoreUnavailableError,
    BodyTooLargeError,
    DatabaseUnavailableError,
    EntryEndedError,
    InvalidInputError,
    NotFoundError,
    StorageFullError,
    TextTooLargeError,
)
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError, field_errors
from main_service.web.rate_limit_fields import DOCUMENTATION as RATE_LIMIT_FIELDS

router = JsonRouter(
    prefix="/api/v1",
    tags=["entries"],
    errors=[
        NotFoundError,
        AliasTakenError,
        AliasReservedError,
        BodyTooLargeError,
        DatabaseUnavailableError,
        EntryEndedError,
        IdempotencyKeyReusedError,
        InternalError,
        AddressUnconfirmedError,
        ScopeMissingError,
        TokenInvalidError,
        TooMuchCreatedError,
    ],
)
_CREATED: dict[str, Any] = {**ETAG_RESPONSE, "headers": {**ETAG_RESPONSE["headers"], **RATE_LIMIT_FIELDS}}

_EXPIRES_AT = "expires_at"
_Expiry = TypeAdapter(Instant)
_EXPIRY_IN_QUERY: dict[str, Any] = {
    "parameters": [
        {
            "name": _EXPIRES_AT,
            "in": "query",
            "required": False,
            "description": "The same as in the body. The `+` of an offset is `%2B` in a query.",
            "schema": _Expiry.json_schema(),
        }
    ]
}


@router.post(
    "/pastes",
    status_code=201,
    summary="Create a paste",
    openapi_extra={**TOKEN_OR_NONE, **_EXPIRY_IN_QUERY},
    responses={201: _CREATED},
    errors=[BodyStoreUnavailableError, StorageFullError, TextTooLargeError],
)
async def create_paste(
    paste: PasteIn,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKeyHeader = None,
) -> CreatedPasteOut:
    account = await find_writer_or_guest(request)
    entries = entry_factory_of(request)
    creator = entries.creator(account)
    entry = await creator.create_paste(
        paste.new_entry(_expiry_in_query(request)),
        text=paste.text.encode(),
        idempotency=await idempotency_of(request, account, idempotency_key),
    )
    _add_headers(response, creator, entry, entries.public_url)
    return created_paste_out(entry, entries.public_url, entries.manage_tokens.token_of(entry))


@router.post(
    "/links",
    status_code=201,
    summary="Create a link",
    openapi_extra={**TOKEN_OR_NONE, **_EXPIRY_IN_QUERY},
    responses={201: _CREATED},
)
async def create_link(
    link: LinkIn,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKeyHeader = None,
) -> CreatedLinkOut:
    account = await find_writer_or_guest(request)
    entries = entry_factory_of(request)
    creator = entries.creator(account)
    entry = await creator.create_link(
        link.new_entry(_expiry_in_query(request)),
        idempotency=await idempotency_of(request, account, idempotency_key),
    )
    _add_headers(response, creator, entry, entries.public_url)
    return created_link_out(entry, entries.public_url, entries.manage_tokens.token_of(entry))


def _expiry_in_query(request: Request) -> datetime | None:
    """The expiry in the query, read by hand: a declared parameter would cost each create without a query 18 µs.

    Raises:
        InvalidInputError: it is no instant.
    """
    if not request.scope["query_string"] or (written := request.query_params.get(_EXPIRES_AT)) is None:
        return None
    try:
        return _Expiry.validate_python(written)
    except ValidationError as error:
        raise InvalidInputError(
            fields=field_errors([{**each, "loc": ("query", _EXPIRES_AT)} for each in error.errors()])
        ) from None


def _add_headers(response: Response, creator: EntryCreateService, entry: LiveEntry, public_url: str) -> None:
    """Add headers in raw form: setting one by its name looks at all the others first."""
    location = short_url(public_url, entry.key)
    response.headers.raw.extend(
        [
            (b"location", location.encode("ascii")),
            *((name.lower().encode(), value.encode()) for name, value in etag(entry).items()),
            *creator.allowance.raw_headers,
        ]
    )
