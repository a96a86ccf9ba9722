"""The page that edits an entry: its title, its text or target, and who may see it."""

import asyncio
import codecs
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.entries.change import Changes
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import ChangedMeanwhileError, VersionMismatchError
from main_service.entries.models import Kind
from main_service.entries.schemas import NEVER_NULL, EntryChangeIn
from main_service.entries.serializers import page_entry
from main_service.entries.syntaxes import all_syntaxes, common_syntaxes
from main_service.entry_pages.edit_form import BOXES, SEEN, VERSION, EditForm
from main_service.entry_pages.form_text import LateTexts, is_long
from main_service.entry_pages.line_ends import with_line_ends_of
from main_service.entry_pages.manage_pages import ManagePage
from main_service.errors import AppError, FieldError, InvalidInputError
from main_service.rendering.file_names import names_of_files
from main_service.web.forms import Form, FormDep, form_action, parse

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_one_text_at_a_time = asyncio.Lock()
"""Restoring line ends in many megabytes holds the interpreter lock for seconds."""


class EditPage(ManagePage):
    """The edit page of an entry, for one request."""

    async def show_managed(self, entry: LiveEntry, error: AppError, form: Form) -> Response:
        if isinstance(error, VersionMismatchError):
            entry, error = await self.get_entry(), ChangedMeanwhileError()
        return await self.show_edit(entry, error, form)

    async def show_edit(self, entry: LiveEntry, error: AppError | None = None, sent: Form | None = None) -> Response:
        """The page. `sent`: what was typed."""
        shown = await asyncio.to_thread(EditForm, entry, await _text_of(entry, self))
        return await asyncio.to_thread(_page, self, shown, error, sent)


EditPageDep = Annotated[EditPage, Depends()]


@router.get("/{key}/edit")
@router.get("/{key}/manage/edit")
@form_action
async def edit(page: EditPageDep) -> Response:
    return await page.show_edit(await page.get_managed())


@router.post("/{key}/edit")
@router.post("/{key}/manage/edit")
@form_action
async def change(page: EditPageDep, form: FormDep) -> Response:
    """Save what was touched, and lead to the entry as it is now. A link leads to its preview, which is no visit."""
    await page.get_managed()
    entry = await page.get_entry()
    text = await _text_of(entry, page)
    shown = await asyncio.to_thread(EditForm, entry, text)
    touched = await asyncio.to_thread(shown.touched, form)
    if touched:
        update = _update(touched)
        if "text" in touched:
            if not shown.is_editable:
                message = "The text now contains NUL characters, which can't be edited in a form."
                raise InvalidInputError(fields=[FieldError("text", "text_not_editable", message)])
            async with _one_text_at_a_time:
                kept = await asyncio.to_thread(with_line_ends_of, text, touched["text"])
            update = replace(update, text=kept.encode())
        await page.entries.changes.update(page.key, update, page.actor, versions=_versions(form))
    return RedirectResponse(f"/{page.key}{'+' if entry.kind is Kind.LINK else ''}", 303)


def _versions(fields: Mapping[str, str]) -> list[int] | None:
    """The version that the page showed; None: the page is from a release before versions."""
    if VERSION not in fields:
        return None
    try:
        return [int(fields[VERSION])]
    except ValueError as error:
        raise InvalidInputError("The form can't be read.") from error


def _update(touched: Mapping[str, str]) -> Changes:
    """The changes that the form asks for. An empty field is taken away where it may be, as a title.

    Raises:
        InvalidInputError: with the names of the form's fields.
    """
    values: dict[str, str | bool | None] = {
        name: bool(value) if name in BOXES else value if value or name in NEVER_NULL else None
        for name, value in touched.items()
    }
    return parse(EntryChangeIn, values).changes


async def _text_of(entry: LiveEntry, page: ManagePage) -> str:
    if entry.kind is Kind.LINK:
        return ""
    _, chunks = await page.entries.reader.load_text(entry, page.actor)
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces = [decoder.decode(chunk) async for chunk in chunks]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _page(
    page: EditPage, form: EditForm, error: AppError | None = None, sent: Mapping[str, str] | None = None
) -> Response:
    """The form, or again with what was `sent` and error messages."""
    shown, carried = form.fields, {VERSION: form.version, SEEN: form.seen}
    meanwhile: dict[str, str] = {}
    other_text: tuple[str, str] | None = None
    if sent is not None and isinstance(error, ChangedMeanwhileError):
        # Keep what was typed; fields that were not touched show the present values.
        touched = form.touched(sent)
        shown = shown | touched
        meanwhile = form.changed_since(sent)
        other_text = _other_text(form, sent, is_touched="text" in touched)
    elif sent is not None:
        shown = shown | form.sent_values(sent)
        other_text = None if form.is_editable else _other_text(form, sent, is_touched=True)
        carried = {name: sent.get(name, value) for name, value in carried.items()}
    # The form is sent to the path of the page, because each path has a manage cookie of its own.
    late_texts = LateTexts()
    response = page.render(
        "entries/edit.html",
        error=error,
        entry=page_entry(form.entry, page.settings.public_url),
        action=page.request.url.path,
        form=shown | {"text": late_texts.mark(shown.get("text", ""))},
        has_long_text=is_long(shown.get("text", "")),
        carried=carried,
        is_editable=form.is_editable,
        meanwhile=meanwhile,
        other_text=other_text and (other_text[0], late_texts.mark(other_text[1])),
        is_user=form.entry.owner_id is not None,
        common_syntaxes=common_syntaxes(),
        all_syntaxes=all_syntaxes(),
        files=names_of_files(),
        max_text_bytes=page.settings.max_text_bytes,
    )
    return late_texts.fill_in(response)


def _other_text(form: EditForm, sent: Mapping[str, str], *, is_touched: bool) -> tuple[str, str] | None:
    """Heading and content of the text that the form does not show, so that neither of two texts is lost."""
    if "text" not in sent or form.fields.get("text") == sent["text"]:
        return None
    if not is_touched:
        return "The text when you opened the page", sent["text"]
    return ("The text now", form.fields["text"]) if form.is_editable else ("Your text", sent["text"])
