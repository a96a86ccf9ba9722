"""The text of a paste alone: plain, under a name in its URL, or as a download under its real name."""

from typing import Annotated

from fastapi import Query, Request, Response

from main_service.accounts.bearer_auth import TOKEN_OR_NONE
from main_service.accounts.errors import TokenInvalidError
from main_service.entries.dependencies import EntryFactoryDep, ReadingActorDep
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import NotAPasteError
from main_service.entries.factory import EntryFactory
from main_service.entries.models import Kind
from main_service.entries.permissions import Actor
from main_service.entries.visit_recorder import VisitRecorder, VisitRecorderDep
from main_service.entry_pages.chosen_language import asked_language
from main_service.entry_pages.raw_text import raw_text
from main_service.entry_pages.view_question import NOT_SPENT, PLAIN_TEXT, question_before
from main_service.errors import (
    BodyStoreUnavailableError,
    DatabaseUnavailableError,
    EntryEndedError,
    NotFoundError,
    SignInRequiredError,
    TooManyUnknownKeysError,
)
from main_service.rendering.file_names import extension_of_language, is_file_name
from main_service.web.downloads.file_names import attachment, safe_file_name
from main_service.web.json_api import DocumentedRouter
from main_service.web.problems import InternalError

router = DocumentedRouter(
    tags=["reading"],
    errors=[
        NotFoundError,
        NotAPasteError,
        TooManyUnknownKeysError,
        EntryEndedError,
        TokenInvalidError,
        SignInRequiredError,
        BodyStoreUnavailableError,
        DatabaseUnavailableError,
        InternalError,
    ],
)
_PAGE = {"text/html": {"schema": {"type": "string"}}}


@router.get(
    "/{key}/raw",
    summary="The plain text of a paste",
    response_class=Response,
    openapi_extra=TOKEN_OR_NONE,
    responses={
        200: {"content": {**PLAIN_TEXT, **_PAGE}, "description": "The text, byte for byte."},
        403: NOT_SPENT,
    },
)
async def read_raw_text(
    key: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    visits: VisitRecorderDep,
) -> Response:
    """Where views are limited, command-line programs spend one, and requests with a bearer token, `X-Manage-Token` or
    `X-Reveal: 1`; all others are asked first.
    """
    response, _ = await read_raw(key, request, actor, entries, visits)
    return response


async def read_raw(
    key: str, request: Request, actor: Actor, entries: EntryFactory, visits: VisitRecorder
) -> tuple[Response, LiveEntry | None]:
    """The response with the text, and its entry; or the question whether a view is to be spent, and None.

    Raises:
        NotAPasteError: it is a link.
    """
    entry = await entries.reader.get(key, actor)
    if entry.kind is Kind.LINK:
        raise NotAPasteError
    if asked := question_before(request, entries, entry, actor, is_shown_as_page=False):
        return asked, None
    entry, chunks = await entries.reader.open_text(entry, actor)
    response = await raw_text(request, entry, chunks)
    await visits.record(entry, actor)
    return response, entry


@router.get(
    "/{key}/raw/{name}",
    summary="The plain text of a paste, under a file name of your choice",
    response_class=Response,
    openapi_extra=TOKEN_OR_NONE,
    responses={200: {"content": PLAIN_TEXT, "description": "The text, byte for byte."}, 403: NOT_SPENT},
)
async def read_named_text(
    key: str,
    name: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    visits: VisitRecorderDep,
) -> Response:
    """As `/{key}/raw`. The name is for programs that save what they fetch under the last part of its URL."""
    if safe_file_name(name) != name:
        raise NotFoundError
    response, _ = await read_raw(key, request, actor, entries, visits)
    return response


@router.get(
    "/{key}/download",
    summary="The text of a paste as a file to save",
    response_class=Response,
    openapi_extra=TOKEN_OR_NONE,
    responses={
        200: {
            "content": PLAIN_TEXT,
            "description": "The text, byte for byte. `Content-Disposition` has its name: the title, if it is the name "
            "of a file, else the key with the extension of the language.",
        },
        403: NOT_SPENT,
    },
)
async def download_text(
    key: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    visits: VisitRecorderDep,
    lang: Annotated[
        str | None, Query(description="The language whose extension the name gets if the title is none.")
    ] = None,
) -> Response:
    language = asked_language(lang)
    response, entry = await read_raw(key, request, actor, entries, visits)
    if entry is not None:
        response.headers.update(attachment(_file_name(entry, language)))
    return response


def _file_name(entry: LiveEntry, language: str | None) -> str:
    title = safe_file_name(entry.title or "")
    return title if is_file_name(title) else f"{entry.key}.{extension_of_language(language or entry.shown_syntax)}"
