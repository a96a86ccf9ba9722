"""The pages that create pastes and links, and their forms, turned into the schemas that the JSON API takes."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ValidationError

from main_service.accounts.cookie_auth import find_account
from main_service.dependencies import SessionDep
from main_service.entries.create import EntryCreateService
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import SessionEndedError
from main_service.entries.idempotency import IdempotentRequest, idempotent_form
from main_service.entries.lifetimes import LifetimePolicy, in_words
from main_service.entries.models import Kind
from main_service.entries.schemas import MAX_VIEWS, NEVER, LinkIn, PasteIn
from main_service.entries.serializers import manage_url, page_entry
from main_service.entries.syntaxes import all_syntaxes, common_syntaxes
from main_service.entry_pages.line_ends import can_be_in_form
from main_service.errors import AppError, EntryEndedError, InvalidInputError, NotFoundError
from main_service.web import forms
from main_service.web.form_body import read_form
from main_service.web.problems import field_errors
from main_service.web.session_cookie import clear_session_cookie, has_session_cookie
from main_service.web.templating import render

Shape = TypeVar("Shape", bound=BaseModel)

_LIFETIMES = {
    "PT10M": timedelta(minutes=10),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
    "P7D": timedelta(days=7),
    "P30D": timedelta(days=30),
    "P90D": timedelta(days=90),
    "P365D": timedelta(days=365),
}


def parse(shape: type[Shape], fields: Mapping[str, str]) -> Shape:
    """`fields` as `shape`; empty ones count as not given, `lifetime` as `expires_in`, digits in `views` as a number.

    Raises:
        InvalidInputError: with the names of the form's fields.
    """
    values: dict[str, str | int]
    values = {("expires_in" if name == "lifetime" else name): value for name, value in fields.items() if value}
    if re.fullmatch(r"\d{1,9}", views := fields.get("views", "").strip(), re.ASCII):
        values["views"] = int(views)
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise InvalidInputError(fields=field_errors(error.errors())) from error


def sentences(error: AppError | None) -> dict[str, str]:
    """Messages of an error by field of the form."""
    found = forms.sentences(error)
    return {("lifetime" if field in ("expires_in", "expires_at") else field): it for field, it in found.items()}


def lifetime_choices(policy: LifetimePolicy) -> list[tuple[str, str]]:
    """Value and label of the lifetimes that a form offers."""
    choices = [(value, in_words(duration)) for value, duration in _LIFETIMES.items() if duration <= policy.longest]
    return [*choices, (NEVER, "Never")] if policy.may_be_endless else choices


def creation_lifetime_choices(policy: LifetimePolicy) -> list[tuple[str, str]]:
    """Value and label of the lifetimes for a new entry: first the default, with an empty value."""
    default = in_words(policy.default)
    return [("", f"{default} (default)"), *(choice for choice in lifetime_choices(policy) if choice[1] != default)]


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

FIELDS = {("lifetime" if name == "expires_in" else name) for shape in (PasteIn, LinkIn) for name in shape.model_fields}
FORM_ID = "form_id"
_FORM_ID_BYTES = 16

Create = Callable[[EntryCreateService, dict[str, str], IdempotentRequest | None], Awaitable[LiveEntry]]


class CreatePage:
    """The page with the form for a new entry, and what follows when it is sent."""

    def __init__(
        self,
        request: Request,
        session: SessionDep,
        entries: EntryFactoryDep,
    ) -> None:
        self._request = request
        self._session = session
        self._settings = entries.settings
        self._entries = entries

    async def after(self, kind: Kind, create: Create) -> Response:
        """The page of the new entry, or the form again, still filled in, with error messages."""
        fields = await read_form(self._request)
        try:
            entry = await self._create(fields, create)
        except AppError as error:
            # A page that shows a text of many MiB again is made while others are answered.
            return await asyncio.to_thread(self.show, kind, fields, error)
        manage_token = self._entries.manage_tokens.token_of(entry)
        public_url = self._settings.public_url
        return render(
            self._request,
            "entries/created.html",
            entry=page_entry(entry, public_url),
            manage_token=manage_token,
            manage_url=manage_token and manage_url(public_url, entry.key, manage_token),
        )

    def show(self, kind: Kind, fields: dict[str, str] | None = None, error: AppError | None = None) -> Response:
        fields = fields or {}
        is_signed_out = isinstance(error, SessionEndedError)
        # With a session cookie the form offers the choices of users, even while the session can't be checked.
        is_user = has_session_cookie(self._request)
        policy = self._entries.lifetimes.user if is_user else self._entries.lifetimes.guest
        form = {name: fields.get(name, "") for name in FIELDS}
        errors = sentences(error)
        if not can_be_in_form(form["text"]):
            errors["text"] = "NUL characters were replaced, because a form can't show them. To keep them, use the API."
        response = render(
            self._request,
            "entries/home.html",
            status=error.status if error else 200,
            kind=kind.value,
            form=form,
            form_id=fields.get(FORM_ID) or secrets.token_urlsafe(_FORM_ID_BYTES),
            errors=errors,
            lifetimes=creation_lifetime_choices(policy),
            common_syntaxes=common_syntaxes(),
            all_syntaxes=all_syntaxes(),
            alias_prefix=self._settings.public_url.partition("://")[2] + "/",
            max_text_bytes=self._settings.max_text_bytes,
            max_views=MAX_VIEWS,
            is_user=is_user,
        )
        if error is not None:
            response.headers.update(error.headers)
        if is_signed_out:
            clear_session_cookie(response, self._settings)
        return response

    async def _create(self, fields: dict[str, str], create: Create) -> LiveEntry:
        """Raises:
        SessionEndedError: the browser has a session that is over; the entry would be a guest's, not the user's.
        """
        account = await find_account(self._request, self._session)
        if account is None and has_session_cookie(self._request):
            raise SessionEndedError
        creates = self._entries.creates(account)
        content = {name: value for name, value in fields.items() if name != FORM_ID}
        idempotency = idempotent_form(
            self._settings,
            account_id=account.id if account else None,
            form_id=fields.get(FORM_ID) or secrets.token_urlsafe(_FORM_ID_BYTES),
            path=self._request.url.path,
            fields=content,
        )
        try:
            return await create(creates, content, idempotency)
        except (EntryEndedError, NotFoundError):
            # What the form had created is gone: sending it again means another one.
            return await create(creates, content, None)


CreatePageDep = Annotated[CreatePage, Depends()]


@router.get("/")
async def home(page: CreatePageDep, kind: str = "") -> Response:
    response = page.show(Kind.LINK if kind == Kind.LINK else Kind.PASTE)
    response.headers["X-Robots-Tag"] = "all"
    return response


@router.get("/pastes")
async def lead_back_to_pastes() -> Response:
    """Redirect when the URL of a result is opened again."""
    return RedirectResponse("/", 303)


@router.get("/links")
async def lead_back_to_links() -> Response:
    """Redirect when the URL of a result is opened again."""
    return RedirectResponse("/?kind=link", 303)


@router.post("/pastes")
async def create_paste(page: CreatePageDep) -> Response:
    async def create(
        creates: EntryCreateService, fields: dict[str, str], idempotency: IdempotentRequest | None
    ) -> LiveEntry:
        paste = parse(PasteIn, fields)
        return await creates.create_paste(
            paste.new_entry(),
            text=paste.text.encode(),
            idempotency=idempotency,
        )

    return await page.after(Kind.PASTE, create)


@router.post("/links")
async def create_link(page: CreatePageDep) -> Response:
    async def create(
        creates: EntryCreateService, fields: dict[str, str], idempotency: IdempotentRequest | None
    ) -> LiveEntry:
        link = parse(LinkIn, fields)
        return await creates.create_link(link.new_entry(), idempotency=idempotency)

    return await page.after(Kind.LINK, create)
