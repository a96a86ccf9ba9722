"""The JSON API of entries."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from main_service.dependencies import SettingsDep
from main_service.entries.dependencies import (
    AttemptDep,
    EntryChangerDep,
    EntryCreatorDep,
    EntryReaderDep,
    ManageTokensDep,
)
from main_service.entries.presentation import (
    created_link_out,
    created_paste_out,
    entry_out,
    robots,
    short_address,
)
from main_service.entries.schemas import (
    CreatedLinkOut,
    CreatedPasteOut,
    EntryChangeIn,
    EntryOut,
    LinkIn,
    LinkOut,
    PasteIn,
    PasteOut,
)
from main_service.entries.text_response import text_response
from main_service.errors import (
    AliasReservedError,
    AliasTakenError,
    BodyStoreUnavailableError,
    BodyTooLargeError,
    DatabaseUnavailableError,
    EntryEndedError,
    IdempotencyKeyReusedError,
    ManageTokenMissingError,
    ManageTokenWrongError,
    NotAPasteError,
    NotFoundError,
    TextTooLargeError,
    ViewNotSpentError,
)
from main_service.problems import InternalError, problem_responses
from main_service.web.json_body import JsonRoute
from main_service.web.link_previews import is_link_preview

router = APIRouter(prefix="/api/v1", tags=["entries"], route_class=JsonRoute)

ManageTokenDep = Annotated[
    str | None, Header(alias="X-Manage-Token", max_length=200, description="Given when the entry was made.")
]

_CREATE = (
    AliasTakenError,
    AliasReservedError,
    BodyTooLargeError,
    DatabaseUnavailableError,
    EntryEndedError,
    IdempotencyKeyReusedError,
    InternalError,
)
_READ = (NotFoundError, EntryEndedError, DatabaseUnavailableError, InternalError)
_MANAGE = (*_READ, ManageTokenMissingError, ManageTokenWrongError)
_TEXT = (BodyStoreUnavailableError,)


@router.post(
    "/pastes",
    status_code=201,
    summary="Create a paste",
    responses=problem_responses(*_CREATE, *_TEXT, TextTooLargeError),
)
async def create_paste(
    paste: PasteIn,
    attempt: AttemptDep,
    creator: EntryCreatorDep,
    tokens: ManageTokensDep,
    settings: SettingsDep,
    response: Response,
) -> CreatedPasteOut:
    entry = await creator.create_paste(paste.new_entry, text=paste.text.encode(), syntax=paste.syntax, attempt=attempt)
    response.headers["Location"] = short_address(settings.public_url, entry.key)
    return created_paste_out(entry, settings.public_url, tokens.token_for(entry.key))


@router.post(
    "/links",
    status_code=201,
    summary="Create a link",
    responses=problem_responses(*_CREATE),
)
async def create_link(
    link: LinkIn,
    attempt: AttemptDep,
    creator: EntryCreatorDep,
    tokens: ManageTokensDep,
    settings: SettingsDep,
    response: Response,
) -> CreatedLinkOut:
    entry = await creator.create_link(link.new_entry, original_url=link.original_url, attempt=attempt)
    response.headers["Location"] = short_address(settings.public_url, entry.key)
    return created_link_out(entry, settings.public_url, tokens.token_for(entry.key))


@router.get(
    "/entries/{key}",
    summary="Get an entry",
    response_model=EntryOut,
    responses=problem_responses(*_READ, ManageTokenWrongError),
)
async def get_entry(
    key: str,
    reader: EntryReaderDep,
    tokens: ManageTokensDep,
    settings: SettingsDep,
    manage_token: ManageTokenDep = None,
) -> PasteOut | LinkOut:
    """What it is and how long it lives. Spends no view; where views are limited, only who manages it sees all."""
    entry = await reader.get(key)
    if manage_token:
        tokens.check(key, manage_token)
    return entry_out(entry, settings.public_url, to_manager=bool(manage_token))


@router.get(
    "/entries/{key}/text",
    summary="Get the text of a paste",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/plain": {"schema": {"type": "string"}}},
            "description": "The text, to the byte.",
        },
        **problem_responses(*_READ, *_TEXT, NotAPasteError, ViewNotSpentError),
    },
)
async def get_text(key: str, request: Request, reader: EntryReaderDep) -> StreamingResponse:
    """Where views are limited, this spends one, but for link previews, which are refused."""
    entry = await reader.get(key)
    if entry.views_left is not None and is_link_preview(request.headers):
        raise ViewNotSpentError
    entry, chunks = await reader.open_text(entry)
    return text_response(chunks, size_bytes=entry.size_bytes or 0, headers=robots(entry))


@router.patch(
    "/entries/{key}",
    summary="Change an entry",
    response_model=EntryOut,
    responses=problem_responses(*_MANAGE, *_TEXT, BodyTooLargeError, TextTooLargeError),
)
async def change_entry(
    key: str,
    change: EntryChangeIn,
    changer: EntryChangerDep,
    settings: SettingsDep,
    manage_token: ManageTokenDep = None,
) -> PasteOut | LinkOut:
    entry = await changer.change(key, change.changes, manage_token=manage_token)
    return entry_out(entry, settings.public_url, to_manager=True)


@router.delete("/entries/{key}", status_code=204, summary="Delete an entry", responses=problem_responses(*_MANAGE))
async def delete_entry(key: str, changer: EntryChangerDep, manage_token: ManageTokenDep = None) -> None:
    await changer.delete(key, manage_token=manage_token)
