"""The pages that create pastes and links, and their forms, turned into the schemas that the JSON API takes."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import find_account, find_reader
from main_service.dependencies import SessionDep
from main_service.entries.create import EntryCreateService
from main_service.entries.dependencies import EntryFactoryDep, get_page_actor
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import SessionEndedError
from main_service.entries.field_types import MAX_VIEWS, NEVER
from main_service.entries.idempotency import IdempotentRequest, idempotent_form
from main_service.entries.lifetimes import LifetimePolicy, in_words
from main_service.entries.models import Kind
from main_service.entries.schemas import LinkIn, PasteIn
from main_service.entries.syntaxes import all_syntaxes, common_syntaxes
from main_service.entry_pages.copied_entry import LargeCopies, find_to_copy, form_of
from main_service.entry_pages.create_form import BURN, KIND, PASSES_QUERY, TICKED, entry_fields, kind_of
from main_service.entry_pages.form_text import LateTexts, is_long
from main_service.entry_pages.line_ends import can_be_in_form
from main_service.entry_pages.manage_cookie import set_manage_cookies
from main_service.entry_pages.prefill import Prefill
from main_service.errors import AppError, EntryEndedError, NotFoundError
from main_service.rendering.file_names import names_of_files
from main_service.web.forms import Form, FormDep, FormPage, form_action, parse, redirect_to_page
from main_service.web.session_cookie import clear_session_cookie, has_session_cookie

_LIFETIMES = {
    "PT10M": timedelta(minutes=10),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
    "P7D": timedelta(days=7),
    "P30D": timedelta(days=30),
    "P90D": timedelta(days=90),
    "P365D": timedelta(days=365),
}

_ASKED_FOR = {"text": "Type or paste a text first.", "original_url": "Enter the URL to shorten."}
"""What is said of a field that is empty: a summary of errors has no field beside it."""


def entry_values(form: Mapping[str, str]) -> dict[str, str | int | bool]:
    """Values for a schema: empty fields are left out, `lifetime` is `expires_in`, digits in `views` are a number, and a
    checkbox that is ticked is true.
    """
    values: dict[str, str | int | bool]
    values = {("expires_in" if name == "lifetime" else name): value for name, value in form.items() if value}
    if re.fullmatch(r"\d{1,9}", views := form.get("views", "").strip(), re.ASCII):
        values["views"] = int(views)
    if values.get(PASSES_QUERY) == TICKED:
        values[PASSES_QUERY] = True
    return values


class EntryFormPage(FormPage):
    """A page with a form about an entry, for one request."""

    def errors_by_field(self, error: AppError) -> dict[str, str]:
        missing = {each.field for each in error.fields if each.code == "missing"} & _ASKED_FOR.keys()
        found = super().errors_by_field(error) | {field: _ASKED_FOR[field] for field in missing}
        return {("lifetime" if field in ("expires_in", "expires_at") else field): it for field, it in found.items()}


def lifetime_choices(policy: LifetimePolicy) -> list[tuple[str, str]]:
    """Value and label of the lifetimes that a form offers."""
    choices = [(value, in_words(duration)) for value, duration in _LIFETIMES.items() if duration <= policy.longest]
    return [*choices, (NEVER, "Never")] if policy.may_be_endless else choices


def creation_lifetime_choices(policy: LifetimePolicy) -> list[tuple[str, str]]:
    """Value and label of the lifetimes for a new entry: first the default, with an empty value."""
    default = in_words(policy.default)
    return [("", default), *(choice for choice in lifetime_choices(policy) if choice[1] != default)]


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

FIELDS = {("lifetime" if name == "expires_in" else name) for shape in (PasteIn, LinkIn) for name in shape.model_fields}
FORM_ID = "form_id"
_FORM_ID_BYTES = 16
CREATED = "created"
"""The fragment by which the page of a new entry knows that it is one, and the id of the button that copies its link."""
_PATHS = {Kind.PASTE: "/pastes", Kind.LINK: "/links"}

Create = Callable[[EntryCreateService, Form, IdempotentRequest | None], Awaitable[LiveEntry]]


async def _create_paste(creator: EntryCreateService, form: Form, idempotency: IdempotentRequest | None) -> LiveEntry:
    paste = parse(PasteIn, entry_values(form))
    return await creator.create_paste(paste.new_entry(), text=paste.text.encode(), idempotency=idempotency)


async def _create_link(creator: EntryCreateService, form: Form, idempotency: IdempotentRequest | None) -> LiveEntry:
    link = parse(LinkIn, entry_values(form))
    return await creator.create_link(link.new_entry(), idempotency=idempotency)


_CREATES: dict[Kind, Create] = {Kind.PASTE: _create_paste, Kind.LINK: _create_link}


class CreatePage(EntryFormPage):
    """The page with the form for a new entry, and what follows when it is sent."""

    template = "entries/home.html"

    def __init__(
        self,
        request: Request,
        session: SessionDep,
        entries: EntryFactoryDep,
    ) -> None:
        super().__init__(request)
        self._session = session
        self._settings = entries.settings
        self._entries = entries

    async def show_again(self, error: AppError, form: Form) -> Response:
        # A page that shows a text of many MiB again is made while others are answered.
        return await asyncio.to_thread(self.show, self._kind_of(form), form, error)

    async def create(self, form: Form) -> Response:
        """Create the entry that the form asks for, and lead to its page, which its maker sees with a strip above it.

        The page of a link leads elsewhere, so it is the preview. A form that is sent again gets the same answer: a
        manage token is made from the key, so it needn't have been kept.
        """
        entry = await self._create(form, self._kind_of(form))
        page = f"/{entry.key}+" if entry.kind is Kind.LINK else f"/{entry.key}"
        response = RedirectResponse(f"{page}#{CREATED}", 303)
        token = self._entries.manage_tokens.token_of(entry)
        return response if token is None else set_manage_cookies(response, entry, token, self._settings)

    async def show_copy(self, key: str, prefill: Prefill) -> Response:
        """The page, filled with what another entry holds; one with limited views is asked for at its own page.

        `prefill`: of it the title and the language count.

        Raises:
            NotFoundError, EntryEndedError, TooManyUnknownKeysError: the client may read no such entry.
        """
        actor = await get_page_actor(await find_reader(self.request, self._session))
        reader = self._entries.reader
        entry = await find_to_copy(reader, key, actor)
        if entry.views_left is not None:
            return RedirectResponse(f"/{entry.key}", 303)
        large_copies: LargeCopies = self.request.app.state.large_copies
        async with large_copies.turn(entry.size_bytes or 0):
            chosen = {name: value for name, value in prefill.form.items() if name in ("title", "syntax")}
            form = await form_of(reader, entry, actor) | chosen
            return await asyncio.to_thread(self.show, entry.kind, form)

    def show(self, kind: Kind, sent: Form | None = None, error: AppError | None = None) -> Response:
        """The page. `sent`: what was typed, or what the form starts with."""
        sent = sent or {}
        is_signed_out = isinstance(error, SessionEndedError)
        # With a session cookie the form offers the choices of users, even while the session can't be checked.
        is_user = has_session_cookie(self.request)
        policy = self._entries.lifetimes.user if is_user else self._entries.lifetimes.guest
        form = {name: sent.get(name, "") for name in (*FIELDS, BURN)}
        late_texts = LateTexts()
        errors = {}
        if not can_be_in_form(form["text"]):
            errors["text"] = "NUL characters were replaced, because a form can't show them. To keep them, use the API."
        response = self.render(
            error=error,
            kind=kind.value,
            form=form | {"text": late_texts.mark(form["text"])},
            has_long_text=is_long(form["text"]),
            is_prefilled=error is None and any(form.values()),
            form_id=sent.get(FORM_ID) or secrets.token_urlsafe(_FORM_ID_BYTES),
            errors=errors,
            lifetimes=creation_lifetime_choices(policy),
            common_syntaxes=common_syntaxes(),
            all_syntaxes=all_syntaxes(),
            files=names_of_files(),
            alias_prefix=self._settings.public_url.partition("://")[2] + "/",
            max_text_bytes=self._settings.max_text_bytes,
            max_views=MAX_VIEWS,
            is_user=is_user,
        )
        if is_signed_out:
            clear_session_cookie(response, self._settings)
        return late_texts.fill_in(response)

    def _kind_of(self, form: Form) -> Kind:
        return kind_of(form, Kind.LINK if self.request.url.path == _PATHS[Kind.LINK] else Kind.PASTE)

    async def _create(self, form: Form, kind: Kind) -> LiveEntry:
        """Create the entry, or return the one that the same form has created before.

        Raises:
            SessionEndedError: the browser has a session that is over; the entry would be a guest's, not the user's.
        """
        account = await find_account(self.request, self._session)
        if account is None and has_session_cookie(self.request):
            raise SessionEndedError
        creator = self._entries.creator(account)
        content = {name: value for name, value in entry_fields(form, kind).items() if name != FORM_ID}
        idempotency = await asyncio.to_thread(
            idempotent_form,
            self._settings,
            account_id=account.id if account else None,
            form_id=form.get(FORM_ID) or secrets.token_urlsafe(_FORM_ID_BYTES),
            path=_PATHS[kind],
            fields=content,
        )
        try:
            return await _CREATES[kind](creator, content, idempotency)
        except (EntryEndedError, NotFoundError):
            # The entry that the form created is gone: sending it again is meant to create another one.
            return await _CREATES[kind](creator, content, None)


CreatePageDep = Annotated[CreatePage, Depends()]


@router.get("/")
async def home(
    page: CreatePageDep,
    prefill: Annotated[Prefill, Depends()],
    copied: Annotated[str, Query(alias="from")] = "",
) -> Response:
    if copied:
        return await page.show_copy(copied, prefill)
    form = prefill.form
    response = page.show(kind_of(form, Kind.PASTE), form)
    if form.keys() <= {KIND}:
        response.headers["X-Robots-Tag"] = "all"
    return response


redirect_to_page(router, "/", "/pastes")
redirect_to_page(router, "/?kind=link", "/links")


@router.post("/pastes")
@form_action
async def create_paste(page: CreatePageDep, form: FormDep) -> Response:
    return await page.create(form)


@router.post("/links")
@form_action
async def create_link(page: CreatePageDep, form: FormDep) -> Response:
    return await page.create(form)
