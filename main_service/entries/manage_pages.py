"""The pages that change and delete an entry, for whoever has its manage token.

The token comes from a form and stays in a cookie that only these pages of this entry see.
"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.dependencies import SettingsDep
from main_service.entries.dependencies import EntryServiceDep, LifetimePolicyDep
from main_service.entries.forms import lifetime_choices, parse, read_form, sentences
from main_service.entries.lifetimes import LifetimePolicy
from main_service.entries.live_entry import LiveEntry
from main_service.entries.presentation import page_entry
from main_service.entries.schemas import EntryChangeIn
from main_service.entries.service import EntryService
from main_service.errors import (
    AppError,
    FieldError,
    InvalidInputError,
    ManageTokenMissingError,
    ManageTokenWrongError,
)
from main_service.settings import Settings
from main_service.web.csrf import FIELD, CsrfForm, check_form
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

COOKIE = "slipbin_manage"


@router.api_route("/{key}/manage", methods=["GET", "HEAD"])
async def manage(
    key: str, request: Request, entries: EntryServiceDep, settings: SettingsDep, policy: LifetimePolicyDep
) -> Response:
    entry = await entries.get(key)
    try:
        entries.check_manager(key, request.cookies.get(COOKIE))
    except ManageTokenMissingError:
        return _page(request, settings, policy, key)
    except ManageTokenWrongError as error:
        return _page(request, settings, policy, key, error=error)
    return _page(request, settings, policy, key, entry=entry)


@router.post("/{key}/manage")
async def open_manage(
    key: str, request: Request, entries: EntryServiceDep, settings: SettingsDep, policy: LifetimePolicyDep
) -> Response:
    """Take the token from the form into the cookie."""
    fields = await read_form(request)
    await entries.get(key)
    token = fields.get("token", "").strip()
    try:
        check_form(request, fields.get(FIELD), settings)
        entries.check_manager(key, token)
    except AppError as error:
        return _page(request, settings, policy, key, error=error)
    response = RedirectResponse(f"/{key}/manage", 303)
    response.set_cookie(
        COOKIE,
        token,
        path=f"/{key}/manage",
        httponly=True,
        samesite="lax",
        secure=settings.public_url.startswith("https://"),
    )
    return response


@router.post("/{key}/manage/expiry")
async def change_expiry(
    key: str, request: Request, entries: EntryServiceDep, settings: SettingsDep, policy: LifetimePolicyDep
) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        asked = parse(EntryChangeIn, {"lifetime": fields.get("lifetime", "")})
        if not asked.lifetime.is_given:
            raise InvalidInputError(fields=[FieldError("lifetime", "missing", "Choose how long it shall live.")])
        entry = await entries.change(key, asked.changes, manage_token=request.cookies.get(COOKIE))
        return _page(request, settings, policy, key, entry=entry, notice="The new end is set.")

    return await _managed(key, request, entries, settings, policy, change)


@router.post("/{key}/manage/delete")
async def delete(
    key: str, request: Request, entries: EntryServiceDep, settings: SettingsDep, policy: LifetimePolicyDep
) -> Response:
    async def end(fields: dict[str, str]) -> Response:
        if not fields.get("confirm"):
            raise InvalidInputError(fields=[FieldError("confirm", "missing", "Tick the box to confirm.")])
        kind = await entries.delete(key, manage_token=request.cookies.get(COOKIE))
        response = render(request, "entries/deleted.html", entry_key=key, kind=kind.value)
        response.delete_cookie(COOKIE, path=f"/{key}/manage")
        return response

    return await _managed(key, request, entries, settings, policy, end)


async def _managed(
    key: str,
    request: Request,
    entries: EntryService,
    settings: Settings,
    policy: LifetimePolicy,
    action: Callable[[dict[str, str]], Awaitable[Response]],
) -> Response:
    """What `action` makes of the form, or the manage page again with what is wrong."""
    fields = await read_form(request)
    entry = await entries.get(key)
    try:
        entries.check_manager(key, request.cookies.get(COOKIE))
    except AppError as error:
        return _page(request, settings, policy, key, error=error)
    try:
        check_form(request, fields.get(FIELD), settings)
        return await action(fields)
    except AppError as error:
        return _page(request, settings, policy, key, entry=entry, error=error)


def _page(
    request: Request,
    settings: Settings,
    policy: LifetimePolicy,
    key: str,
    *,
    entry: LiveEntry | None = None,
    notice: str | None = None,
    error: AppError | None = None,
) -> Response:
    """The manage page; without `entry` it asks for the token."""
    csrf = CsrfForm(request, settings)
    errors: dict[str, str] = {}
    if error is not None:
        errors = sentences(error.fields) or {"": error.message}
    response = render(
        request,
        "entries/manage.html",
        status=error.status if error else 200,
        entry_key=key,
        entry=entry and page_entry(entry, settings.public_url),
        errors=errors,
        notice=notice,
        lifetimes=lifetime_choices(policy),
        csrf_token=csrf.token,
    )
    if error is not None:
        response.headers.update(error.headers)
    return csrf.attach(response)
