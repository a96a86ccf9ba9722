"""The page that changes what an entry is: its title, its text or target, and who may find it."""

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from main_service.entries.change import Changes
from main_service.entries.dependencies import EntryChangerDep, EntryReaderDep
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind
from main_service.entries.schemas import EntryChangeIn
from main_service.entries.serializers import page_entry
from main_service.entries.syntaxes import all_syntaxes, common_syntaxes
from main_service.entry_pages.create_pages import sentences
from main_service.entry_pages.manage_pages import ManagePage, ManagePageDep
from main_service.errors import AppError, InvalidInputError
from main_service.web.csrf import CsrfForm
from main_service.web.problems import field_errors
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route("/{key}/manage/edit", methods=["GET", "HEAD"])
async def edit(page: ManagePageDep, reader: EntryReaderDep) -> Response:
    async def show(entry: LiveEntry) -> Response:
        text = await _text_of(entry, page, reader)
        return await asyncio.to_thread(_form, page, entry, _fields_of(entry, text))

    return await page.managed(show)


@router.post("/{key}/manage/edit")
async def change(page: ManagePageDep, reader: EntryReaderDep, changer: EntryChangerDep) -> Response:
    async def save(fields: dict[str, str]) -> Response:
        entry = await page.get_entry()
        changes = _changes(entry, fields)
        if changes.text is not None and changes.text.decode() == _as_sent(await _text_of(entry, page, reader)):
            # A browser sends every text with its own line ends: one that nobody touched stays as it is.
            changes = Changes(fields=changes.fields, lifetime=changes.lifetime, text=None)
        await changer.change(page.key, changes, page.asker)
        return RedirectResponse(f"/{page.key}/manage", 303)

    async def again(entry: LiveEntry, error: AppError, fields: dict[str, str]) -> Response:
        return await asyncio.to_thread(_form, page, entry, _fields_of(entry, "", is_sent=True) | fields, error)

    return await page.after(save, again)


def _changes(entry: LiveEntry, fields: dict[str, str]) -> Changes:
    """What the form asks for. An empty title or syntax takes it away.

    Raises:
        InvalidInputError: with the names of the form's fields.
    """
    names = ("original_url",) if entry.kind is Kind.LINK else ("text", "syntax")
    values = {name: fields[name] for name in ("title", "visibility", *names) if name in fields}
    optional = {name: values[name] or None for name in ("title", "syntax") if name in values}
    # A browser sends a box that is not ticked as no field.
    ticked = {"has_public_statistics": "has_public_statistics" in fields}
    try:
        return EntryChangeIn.model_validate(values | optional | ticked).changes
    except ValidationError as error:
        raise InvalidInputError(fields=field_errors(error.errors())) from error


async def _text_of(entry: LiveEntry, page: ManagePage, reader: EntryReaderDep) -> str:
    if entry.kind is Kind.LINK:
        return ""
    _, chunks = await reader.load_text(entry, page.asker)
    return b"".join([chunk async for chunk in chunks]).decode()


def _as_sent(text: str) -> str:
    """A text as a browser sends it back from a form, with line ends as `read_form` gives them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fields_of(entry: LiveEntry, text: str, *, is_sent: bool = False) -> dict[str, str]:
    """`is_sent`: the form came, so that a box is ticked only if it says so."""
    return {
        "has_public_statistics": "yes" if entry.has_public_statistics and not is_sent else "",
        "title": entry.title or "",
        "visibility": entry.visibility.value,
        "original_url": entry.original_url or "",
        "syntax": entry.syntax or "",
        "text": text,
    }


def _form(page: ManagePage, entry: LiveEntry, fields: dict[str, str], error: AppError | None = None) -> Response:
    csrf = CsrfForm(page.request, page.settings)
    errors: dict[str, str] = {}
    if error is not None:
        errors = sentences(error)
    response = render(
        page.request,
        "entries/edit.html",
        status=error.status if error else 200,
        entry=page_entry(entry, page.settings.public_url),
        form=fields,
        errors=errors,
        is_user=entry.owner_id is not None,
        common_syntaxes=common_syntaxes(),
        all_syntaxes=all_syntaxes(),
        max_text_bytes=page.settings.max_text_bytes,
        csrf_token=csrf.token,
    )
    if error is not None:
        response.headers.update(error.headers)
    return csrf.attach(response)
