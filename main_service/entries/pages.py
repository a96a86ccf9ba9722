"""The pages that make entries."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.dependencies import SettingsDep
from main_service.entries.dependencies import ManageTokensDep
from main_service.entries.forms import creation_lifetime_choices, parse, sentences
from main_service.entries.lifetimes import LifetimePolicy
from main_service.entries.live_entry import LiveEntry
from main_service.entries.manage_tokens import ManageTokens
from main_service.entries.models import Kind
from main_service.entries.page_dependencies import PageCreatorDep, PagePolicyDep
from main_service.entries.presentation import manage_address, page_entry
from main_service.entries.schemas import MAX_TITLE_LENGTH, MAX_VIEWS, LinkIn, PasteIn
from main_service.entries.syntaxes import all_syntaxes, common_syntaxes
from main_service.entries.targets import MAX_URL_LENGTH
from main_service.errors import AppError
from main_service.settings import Settings
from main_service.web.csrf import FIELD, CsrfForm, check_form
from main_service.web.form_body import read_form
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

FIELDS = ("text", "original_url", "title", "syntax", "lifetime", "alias", "visibility", "views")


@router.api_route("/", methods=["GET", "HEAD"])
async def home(request: Request, settings: SettingsDep, policy: PagePolicyDep, kind: str = "") -> Response:
    response = _home(request, settings, policy, Kind.LINK if kind == Kind.LINK else Kind.PASTE, {})
    response.headers["X-Robots-Tag"] = "all"
    return response


@router.api_route("/pastes", methods=["GET", "HEAD"])
async def lead_back_to_pastes() -> Response:
    """For whoever opens the address of a result again."""
    return RedirectResponse("/", 303)


@router.api_route("/links", methods=["GET", "HEAD"])
async def lead_back_to_links() -> Response:
    """For whoever opens the address of a result again."""
    return RedirectResponse("/?kind=link", 303)


@router.post("/pastes")
async def create_paste(
    request: Request,
    creator: PageCreatorDep,
    tokens: ManageTokensDep,
    settings: SettingsDep,
    policy: PagePolicyDep,
) -> Response:
    async def create(fields: dict[str, str]) -> LiveEntry:
        paste = parse(PasteIn, fields)
        return await creator.create_paste(paste.new_entry, text=paste.text.encode(), syntax=paste.syntax)

    return await _create(request, tokens, settings, policy, Kind.PASTE, create)


@router.post("/links")
async def create_link(
    request: Request,
    creator: PageCreatorDep,
    tokens: ManageTokensDep,
    settings: SettingsDep,
    policy: PagePolicyDep,
) -> Response:
    async def create(fields: dict[str, str]) -> LiveEntry:
        link = parse(LinkIn, fields)
        return await creator.create_link(link.new_entry, original_url=link.original_url)

    return await _create(request, tokens, settings, policy, Kind.LINK, create)


async def _create(
    request: Request,
    tokens: ManageTokens,
    settings: Settings,
    policy: LifetimePolicy,
    kind: Kind,
    create: Callable[[dict[str, str]], Awaitable[LiveEntry]],
) -> Response:
    """The new entry's page, or the form again, still filled in, with what is wrong."""
    fields = await read_form(request)
    token = fields.pop(FIELD, None)
    try:
        check_form(request, token, settings)
        entry = await create(fields)
    except AppError as error:
        # A page that shows a text of many MiB again is made while others are answered.
        return await asyncio.to_thread(_home, request, settings, policy, kind, fields, error)
    manage_token = tokens.token_of(entry)
    csrf = CsrfForm(request, settings)
    return csrf.attach(
        render(
            request,
            "entries/created.html",
            entry=page_entry(entry, settings.public_url),
            manage_token=manage_token,
            manage_url=manage_token and manage_address(settings.public_url, entry.key, manage_token),
            csrf_token=csrf.token,
        )
    )


def _home(
    request: Request,
    settings: Settings,
    policy: LifetimePolicy,
    kind: Kind,
    fields: dict[str, str],
    error: AppError | None = None,
) -> Response:
    csrf = CsrfForm(request, settings)
    errors: dict[str, str] = {}
    if error is not None:
        errors = sentences(error.fields) or {"": f"{error.message} {error.advice or ''}".strip()}
    response = render(
        request,
        "entries/home.html",
        status=error.status if error else 200,
        kind=kind.value,
        form={name: fields.get(name, "") for name in FIELDS},
        errors=errors,
        lifetimes=creation_lifetime_choices(policy),
        common_syntaxes=common_syntaxes(),
        all_syntaxes=all_syntaxes(),
        alias_prefix=settings.public_url.partition("://")[2] + "/",
        max_text_bytes=settings.max_text_bytes,
        max_title_length=MAX_TITLE_LENGTH,
        max_url_length=MAX_URL_LENGTH,
        max_views=MAX_VIEWS,
        is_user=policy.may_be_endless,
        csrf_token=csrf.token,
    )
    if error is not None:
        response.headers.update(error.headers)
    return csrf.attach(response)
