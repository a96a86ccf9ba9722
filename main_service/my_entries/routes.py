"""The JSON API of a user's own entries: lists, and exports of all of them."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import StreamingResponse

from main_service.accounts.bearer_auth import AccountDep
from main_service.accounts.errors import TokenInvalidError
from main_service.errors import (
    BodyStoreUnavailableError,
    DatabaseUnavailableError,
    NotFoundError,
    SignInRequiredError,
    TooManyRequestsError,
)
from main_service.my_entries.dependencies import ExportCountedDep, MyEntriesFactoryDep
from main_service.my_entries.schemas import ListingIn, ListingOut
from main_service.my_entries.search_limit import TooManySearchesError
from main_service.my_entries.serializers import ExportFormat, archive_response, export_response, owned_out
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix="/api/v1/entries",
    tags=["entries"],
    errors=[SignInRequiredError, TokenInvalidError, DatabaseUnavailableError, InternalError],
)


@router.get("", summary="List my entries", errors=[NotFoundError, TooManySearchesError])
async def list_entries(
    asked: Annotated[ListingIn, Query()], account: AccountDep, factory: MyEntriesFactoryDep
) -> ListingOut:
    """Page by page: send `next_cursor` of a page as `cursor` to get the next one, with the same filters and sort.

    No entry comes twice or is left out, even if others are created meanwhile.
    """
    listed = await factory.lister.list_page(
        account.id, asked.filters, sort=asked.sort, cursor=asked.cursor, limit=asked.limit
    )
    items = [owned_out(entry, factory.public_url) for entry in listed.entries]
    return ListingOut(items=items, next_cursor=listed.next_cursor)


@router.get(
    "/export",
    summary="Export my entries",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "application/jsonl": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
            "description": "One line for each entry, live or ended, oldest first.",
        },
    },
    errors=[TooManyRequestsError],
)
async def export_entries(
    account: AccountDep,
    _: ExportCountedDep,
    factory: MyEntriesFactoryDep,
    file_format: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.JSON_LINES,
) -> StreamingResponse:
    """All data of each entry but its text, which is at its `raw_url` and `text_url`.

    In CSV, cells that a spreadsheet would run as a formula begin with an apostrophe.
    """
    return await export_response(factory.exporter, account.id, file_format, public_url=factory.public_url)


archive_router = JsonRouter(
    prefix="/api/v1/me",
    tags=["entries"],
    errors=[SignInRequiredError, TokenInvalidError, DatabaseUnavailableError, BodyStoreUnavailableError, InternalError],
)


@archive_router.get(
    "/export.zip",
    summary="Export all that is mine",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
            "description": "Entries, texts, figures and collections, as docs/export_format.md says.",
        },
    },
    errors=[TooManyRequestsError],
)
async def export_all(
    request: Request, account: AccountDep, _: ExportCountedDep, factory: MyEntriesFactoryDep
) -> StreamingResponse:
    """One zip, made while it is sent, which *Import* reads back. No view is spent by it.

    If anything fails meanwhile, the connection is cut, so that a part is never taken for the whole.
    """
    return await archive_response(factory.archive, account.id, is_read=request.method != "HEAD")
