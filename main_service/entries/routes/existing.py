"""The JSON API of entries that exist: reads, changes, claims and deletes them."""

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from main_service.accounts.bearer_auth import FOR_GUESTS_TOO, WriterDep
from main_service.accounts.errors import ScopeMissingError, TokenInvalidError
from main_service.entries.dependencies import (
    ActorDep,
    EntryFactoryDep,
    ExpectedVersionsDep,
    ManageTokenDep,
    WritingActorDep,
)
from main_service.entries.errors import (
    ManageTokenMissingError,
    ManageTokenWrongError,
    NotAPasteError,
    NotOwnerError,
    TooMuchCreatedError,
    VersionMismatchError,
    ViewNotSpentError,
)
from main_service.entries.schemas import (
    DeletedEntriesOut,
    EntryChangeIn,
    EntryOut,
    LinkOut,
    ManyEntriesIn,
    PasteOut,
)
from main_service.entries.serializers import ETAG_RESPONSE, entry_out, etag, robots, text_response
from main_service.entries.visit_recorder import VisitRecorderDep
from main_service.errors import (
    BodyStoreUnavailableError,
    BodyTooLargeError,
    DatabaseUnavailableError,
    EntryEndedError,
    NotFoundError,
    SignInRequiredError,
    StorageFullError,
    TextTooLargeError,
    TooManyUnknownKeysError,
)
from main_service.web.json_api import JsonRouter
from main_service.web.negotiation import is_link_preview
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix="/api/v1",
    tags=["entries"],
    errors=[TokenInvalidError, DatabaseUnavailableError, InternalError],
)

_READ = [NotFoundError, TooManyUnknownKeysError, EntryEndedError]
_MANAGE = [
    *_READ,
    ManageTokenMissingError,
    ManageTokenWrongError,
    NotOwnerError,
    ScopeMissingError,
    SignInRequiredError,
]


@router.get(
    "/entries/{key}",
    summary="Get an entry",
    response_model=EntryOut,
    openapi_extra=FOR_GUESTS_TOO,
    responses={200: ETAG_RESPONSE},
    errors=[*_READ, ManageTokenWrongError, NotOwnerError, SignInRequiredError],
)
async def get_entry(
    key: str,
    response: Response,
    actor: ActorDep,
    entries: EntryFactoryDep,
) -> PasteOut | LinkOut:
    """What it is and how long it lives. Spends no view. With limited views, only those who manage it see everything."""
    entry = await entries.reader.get(key, actor)
    is_manager = entries.entry_policy.may_manage(entry, actor)
    if is_manager or entry.has_public_statistics:
        entry = await entries.reader.counted(entry)
    response.headers.update(etag(entry))
    return entry_out(entry, entries.public_url, to_manager=is_manager)


@router.get(
    "/entries/{key}/text",
    summary="Get the text of a paste",
    response_class=StreamingResponse,
    openapi_extra=FOR_GUESTS_TOO,
    responses={
        200: {
            "content": {"text/plain": {"schema": {"type": "string"}}},
            "description": "The text, byte for byte.",
        },
    },
    errors=[*_READ, BodyStoreUnavailableError, NotAPasteError, ViewNotSpentError],
)
async def get_entry_text(
    key: str, request: Request, actor: ActorDep, entries: EntryFactoryDep, visits: VisitRecorderDep
) -> StreamingResponse:
    """Where views are limited, this spends one without asking. Link previews and prefetches that say so are refused."""
    entry = await entries.reader.get(key, actor)
    if entry.views_left is not None and is_link_preview(request.headers):
        raise ViewNotSpentError
    is_looking = request.method == "HEAD"
    entry, chunks = await (entries.reader.load_text if is_looking else entries.reader.open_text)(entry, actor)
    await visits.record(entry, actor)
    return text_response(chunks, size_bytes=entry.size_bytes or 0, headers=robots(entry))


@router.patch(
    "/entries/{key}",
    summary="Change an entry",
    response_model=EntryOut,
    openapi_extra=FOR_GUESTS_TOO,
    responses={200: ETAG_RESPONSE},
    errors=[
        *_MANAGE,
        BodyStoreUnavailableError,
        BodyTooLargeError,
        StorageFullError,
        TextTooLargeError,
        TooMuchCreatedError,
        VersionMismatchError,
    ],
)
async def change_entry(
    key: str,
    change: EntryChangeIn,
    response: Response,
    actor: WritingActorDep,
    entries: EntryFactoryDep,
    versions: ExpectedVersionsDep,
) -> PasteOut | LinkOut:
    """For its owner; a guest's entry needs its manage token. With `If-Match`, only in the version that it names."""
    entry = await entries.changes.update(key, change.changes, actor, versions=versions)
    response.headers.update(etag(entry))
    return entry_out(entry, entries.public_url, to_manager=True)


@router.delete(
    "/entries/{key}",
    status_code=204,
    summary="Delete an entry",
    openapi_extra=FOR_GUESTS_TOO,
    errors=[*_MANAGE, VersionMismatchError],
)
async def delete_entry(
    key: str, actor: WritingActorDep, entries: EntryFactoryDep, versions: ExpectedVersionsDep
) -> None:
    """For its owner; a guest's entry needs its manage token. With `If-Match`, only in the version that it names."""
    await entries.changes.delete(key, actor, versions=versions)


@router.post(
    "/entries/{key}/claim",
    summary="Claim a guest's entry",
    response_model=EntryOut,
    errors=_MANAGE,
)
async def claim_entry(
    key: str,
    account: WriterDep,
    entries: EntryFactoryDep,
    manage_token: ManageTokenDep = None,
) -> PasteOut | LinkOut:
    """Needs its manage token, which no longer opens it then. Repeatable."""
    entry = await entries.changes.claim(key, account.id, manage_token=manage_token)
    return entry_out(entry, entries.public_url, to_manager=True)


@router.post("/entries/delete", summary="Delete many of my entries", errors=[SignInRequiredError, ScopeMissingError])
async def delete_entries(asked: ManyEntriesIn, account: WriterDep, entries: EntryFactoryDep) -> DeletedEntriesOut:
    """Those that are mine and live; the others are named too."""
    deleted = await entries.changes.delete_many(asked.keys, account.id)
    return DeletedEntriesOut(deleted=deleted, not_deleted=[key for key in asked.keys if key not in set(deleted)])
