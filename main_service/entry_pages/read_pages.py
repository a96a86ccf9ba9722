"""What a reader of `/{key}` gets: redirect, text or page; where views are limited, a question first."""

from typing import Annotated

from fastapi import HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from main_service.accounts.bearer_auth import TOKEN_OR_NONE
from main_service.accounts.errors import TokenInvalidError
from main_service.entries.aliases import is_key, is_reserved
from main_service.entries.dependencies import EntryFactoryDep, ReadingActorDep
from main_service.entries.entry import LiveEntry
from main_service.entries.factory import EntryFactory
from main_service.entries.models import Kind
from main_service.entries.permissions import Actor
from main_service.entries.serializers import page_entry, robots, text_response
from main_service.entries.urls import to_ascii
from main_service.entries.visit_recorder import VisitRecorder, VisitRecorderDep
from main_service.entry_pages.cached_pages import VARY, drop_pages, find_cached_page, head_of_page, make_page
from main_service.entry_pages.chosen_language import (
    LanguageQuery,
    asked_language,
    in_language,
    language_in_path,
    limit_new_rendering,
    page_in_language,
    with_language,
)
from main_service.entry_pages.manage_cookie import find_manage_token
from main_service.entry_pages.owner_strip import find_strip, is_makers_look
from main_service.entry_pages.passed_query import with_query
from main_service.entry_pages.paste_page import paste_page
from main_service.entry_pages.view_question import NOT_SPENT, PLAIN_TEXT, question, question_before
from main_service.entry_pages.views import asked_view, is_another_look
from main_service.errors import (
    BodyStoreUnavailableError,
    DatabaseUnavailableError,
    EntryEndedError,
    NotFoundError,
    SignInRequiredError,
    TooManyRequestsError,
    TooManyUnknownKeysError,
)
from main_service.web.forms import FormDep
from main_service.web.json_api import DocumentedRouter
from main_service.web.negotiation import wants_page
from main_service.web.problems import InternalError
from main_service.web.templating import render

router = DocumentedRouter(
    tags=["reading"],
    errors=[
        NotFoundError,
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

ViewQuery = Annotated[
    str | None,
    Query(
        description="How a page shows a paste: `code` or `preview` (Markdown, tables, JSON, diffs, logs of terminals). "
        "Markdown opens in its preview, all else as code. Others are refused, except where no page is sent.",
    ),
]


@router.get("/{key}+", include_in_schema=False)
async def preview(key: str, request: Request, actor: ReadingActorDep, entries: EntryFactoryDep) -> Response:
    """Show where a link leads without following it. A paste is its own preview."""
    entry = await entries.reader.get(key, actor)
    if entry.views_left is not None:
        return question(request, entries.settings, entry, actor)
    if entry.kind is Kind.PASTE:
        return RedirectResponse(f"/{entry.key}", 302)
    shown = page_entry(entry, entries.public_url)
    response = render(request, "entries/preview.html", entry=shown, strip=find_strip(request, entry, actor))
    response.headers.update(robots(entry))
    return response


@router.get("/{key}/reveal", include_in_schema=False)
async def lead_back(key: str, lang: LanguageQuery = None) -> Response:
    """Redirect when the URL of a revealed page is opened again."""
    return RedirectResponse(with_language(f"/{key}", asked_language(lang)), 303)


@router.post("/{key}/reveal", include_in_schema=False)
async def reveal(
    key: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    visits: VisitRecorderDep,
    _: FormDep,
    lang: LanguageQuery = None,
) -> Response:
    """Spend a view of an entry whose views are limited: show its text, or lead to its target."""
    entry = await entries.reader.get(key, actor)
    if entry.kind is Kind.LINK and entry.views_left is not None:
        entry = await entries.reader.follow(entry, actor)
        await visits.record(entry, actor)
        return _redirect(request, entry, status=303)
    # The query of a link belongs to its target, whatever it says.
    language = asked_language(lang) if entry.kind is Kind.PASTE else None
    if entry.views_left is None:
        return RedirectResponse(with_language(f"/{entry.key}", language), 303)
    await limit_new_rendering(request, entry, language)
    entry, chunks = await entries.reader.open_text(entry, actor)
    response = await paste_page(request, entries.settings, in_language(entry, language), actor, chunks)
    if find_manage_token(request, entry) is None:
        await visits.record(entry, actor)
    return response


@router.get(
    "/{key}.{extension}",
    summary="Read a paste in the language of a file extension",
    response_class=Response,
    openapi_extra=TOKEN_OR_NONE,
    responses={
        200: {
            "content": {**_PAGE, **PLAIN_TEXT},
            "description": "As `/{key}` of a paste. A link is not found, nor is an unknown extension.",
        },
        403: NOT_SPENT,
    },
    errors=[TooManyRequestsError],
)
async def read_with_extension(
    key: str,
    extension: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    visits: VisitRecorderDep,
    view: ViewQuery = None,
) -> Response:
    """Such as `/{key}.py` or `/{key}.md`; no key has a dot."""
    language = language_in_path(extension)
    entry = await entries.reader.get(key, actor)
    if entry.kind is Kind.LINK:
        raise NotFoundError
    return await _read_paste(request, entry, actor, entries, visits, view=view, language=language)


@router.get(
    "/{key}",
    summary="Follow a link or read a paste",
    response_class=Response,
    openapi_extra=TOKEN_OR_NONE,
    responses={
        200: {
            "content": {**_PAGE, **PLAIN_TEXT},
            "description": "A paste: a page if `Accept` includes HTML, else the plain text.",
        },
        302: {"description": "A link: `Location` is its target."},
        403: NOT_SPENT,
    },
    errors=[TooManyRequestsError],
)
async def read_entry(
    key: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    visits: VisitRecorderDep,
    view: ViewQuery = None,
    lang: LanguageQuery = None,
) -> Response:
    """Where views are limited, command-line programs spend one, and requests with a bearer token, `X-Manage-Token` or
    `X-Reveal: 1`; all others are asked first.
    """
    try:
        entry = await entries.reader.get(key, actor)
    except (NotFoundError, EntryEndedError):
        drop_pages(request, key)
        raise
    if entry.kind is Kind.PASTE:
        return await _read_paste(request, entry, actor, entries, visits, view=view, language=asked_language(lang))
    if asked := question_before(request, entries, entry, actor, is_shown_as_page=True):
        return asked
    entry = await entries.reader.follow(entry, actor)
    await visits.record(entry, actor)
    return _redirect(request, entry, status=302)


async def _read_paste(
    request: Request,
    entry: LiveEntry,
    actor: Actor,
    entries: EntryFactory,
    visits: VisitRecorder,
    *,
    view: str | None,
    language: str | None,
) -> Response:
    """`language`: the one that the reader has chosen; None: that of the paste."""
    is_page = wants_page(request.headers)
    # Plain text has only one view, so the query is not checked.
    view_asked = asked_view(view) if is_page else None
    if asked := question_before(request, entries, entry, actor, is_shown_as_page=True, language=language):
        return asked
    if is_page and language is None and (kept := find_cached_page(request, entry)) is not None:
        await visits.record(entry, actor)
        return kept
    is_read = request.method != "HEAD"
    if is_page and is_read:
        await limit_new_rendering(request, entry, language)
    entry, chunks = await entries.reader.open_text(entry, actor)
    if not is_page:
        response: Response = text_response(chunks, size_bytes=entry.size_bytes or 0)
    elif not is_read:
        response = head_of_page()
    elif language is not None:
        response = await page_in_language(request, entries.settings, entry, actor, chunks, view_asked, language)
    else:
        response = await make_page(request, entries.settings, entry, actor, chunks, view_asked)
    is_same_visit = entry.views_left is None and is_another_look(request)
    if not (is_page and (is_same_visit or is_makers_look(request, entry, actor))):
        await visits.record(entry, actor)
    # Search engines must not list the page in a language that one reader has chosen.
    response.headers.update({"Vary": VARY, **(robots(entry) if language is None else {})})
    return response


@router.get("/{key}/", include_in_schema=False)
async def read_with_slash(
    key: str,
    request: Request,
    actor: ReadingActorDep,
    entries: EntryFactoryDep,
    visits: VisitRecorderDep,
) -> Response:
    """A link is followed as without the slash, because many programs add one; everything else is one redirect away."""
    if not is_key(key) or is_reserved(key) or (await entries.reader.get(key, actor)).kind is Kind.PASTE:
        raise HTTPException(404)
    return await read_entry(key, request, actor, entries, visits)


def _redirect(request: Request, entry: LiveEntry, *, status: int) -> Response:
    target = to_ascii(entry.original_url or "")
    if entry.passes_query:
        target = with_query(target, request.scope["query_string"])
    return Response(status_code=status, headers={"Location": target, **robots(entry)})
