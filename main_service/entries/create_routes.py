"""The JSON API that makes entries. It stands first: a request is compared with each route before its own."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from main_service.accounts.bearer_auth import TOKEN_OR_NONE
from main_service.accounts.errors import AddressUnconfirmedError, ScopeMissingError, TokenInvalidError
from main_service.entries.dependencies import IdempotencyKeyHeader, creation_of
from main_service.entries.errors import (
    AliasReservedError,
    AliasTakenError,
    IdempotencyKeyReusedError,
    TooMuchCreatedError,
)
from main_service.entries.schemas import CreatedLinkOut, CreatedPasteOut, Instant, LinkIn, PasteIn
from main_service.entries.serializers import ETAG_RESPONSE, created_link_out, created_paste_out, etag, short_address
from main_service.errors import (
    BodyStoreUnavailableError,
    BodyTooLargeError,
    DatabaseUnavailableError,
    EntryEndedError,
    NotFoundError,
    StorageFullError,
    TextTooLargeError,
)
from main_service.web.json_api import JsonRoute
from main_service.web.problems import InternalError, problem_responses
from main_service.web.rate_limit_fields import DOCUMENTATION as RATE_LIMIT_FIELDS

router = APIRouter(prefix="/api/v1", tags=["entries"], route_class=JsonRoute)

_CREATE = (
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
)
_CREATED: dict[str, Any] = {**ETAG_RESPONSE, "headers": {**ETAG_RESPONSE["headers"], **RATE_LIMIT_FIELDS}}

ExpiresAtQuery = Annotated[
    Instant | None,
    Query(description="The same as in the body, for who sends a file there. `+` of an offset is `%2B` in a query."),
]


@router.post(
    "/pastes",
    status_code=201,
    summary="Create a paste",
    openapi_extra=TOKEN_OR_NONE,
    responses={
        201: _CREATED,
        **problem_responses(*_CREATE, BodyStoreUnavailableError, StorageFullError, TextTooLargeError),
    },
)
async def create_paste(
    paste: PasteIn,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKeyHeader = None,
    expires_at: ExpiresAtQuery = None,
) -> CreatedPasteOut:
    creation = await creation_of(request, idempotency_key)
    entry = await creation.creator.create_paste(
        paste.new_entry(expires_at),
        text=paste.text.encode(),
        syntax=paste.syntax,
        allowance=creation.allowance,
        attempt=creation.attempt,
    )
    response.headers.update({"Location": short_address(creation.public_url, entry.key), **etag(entry)})
    response.headers.raw.extend(creation.allowance.raw_headers)
    return created_paste_out(entry, creation.public_url, creation.manage_tokens.token_of(entry))


@router.post(
    "/links",
    status_code=201,
    summary="Create a link",
    openapi_extra=TOKEN_OR_NONE,
    responses={201: _CREATED, **problem_responses(*_CREATE)},
)
async def create_link(
    link: LinkIn,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKeyHeader = None,
    expires_at: ExpiresAtQuery = None,
) -> CreatedLinkOut:
    creation = await creation_of(request, idempotency_key)
    entry = await creation.creator.create_link(
        link.new_entry(expires_at),
        original_url=link.original_url,
        allowance=creation.allowance,
        attempt=creation.attempt,
    )
    response.headers.update({"Location": short_address(creation.public_url, entry.key), **etag(entry)})
    response.headers.raw.extend(creation.allowance.raw_headers)
    return created_link_out(entry, creation.public_url, creation.manage_tokens.token_of(entry))
