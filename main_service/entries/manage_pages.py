"""The pages that manage an entry: let it end earlier or later, take it into an account, delete it."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.page_users import SignedInPageDep
from main_service.entries.dependencies import EntryChangerDep, EntryEnderDep
from main_service.entries.forms import parse
from main_service.entries.live_entry import LiveEntry
from main_service.entries.manage_page import COOKIE, ManagePageDep
from main_service.entries.schemas import EntryChangeIn
from main_service.errors import AppError, FieldError, InvalidInputError, NotOwnerError, SignInRequiredError
from main_service.web.csrf import FIELD, check_form
from main_service.web.form_body import read_form
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route("/{key}/manage", methods=["GET", "HEAD"])
async def manage(page: ManagePageDep) -> Response:
    async def show(entry: LiveEntry) -> Response:
        return page.show(entry=entry)

    return await page.managed(show)


@router.post("/{key}/manage")
async def open_manage(page: ManagePageDep) -> Response:
    """Take the token from the form into the cookie."""
    fields = await read_form(page.request)
    entry = await page.get_entry()
    token = fields.get("token", "").strip()
    try:
        check_form(page.request, fields.get(FIELD), page.settings)
        page.check(entry, token=token)
    except (SignInRequiredError, NotOwnerError):
        raise
    except AppError as error:
        return page.show(error=error)
    response = RedirectResponse(f"/{page.key}/manage", 303)
    response.set_cookie(
        COOKIE,
        token,
        path=f"/{page.key}/manage",
        httponly=True,
        samesite="lax",
        secure=page.settings.public_url.startswith("https://"),
    )
    return response


@router.post("/{key}/manage/expiry")
async def change_expiry(page: ManagePageDep, changer: EntryChangerDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        asked = parse(EntryChangeIn, {"lifetime": fields.get("lifetime", "")})
        if not asked.lifetime.is_given:
            raise InvalidInputError(fields=[FieldError("lifetime", "missing", "Choose how long it shall live.")])
        entry = await changer.change(page.key, asked.changes, page.asker)
        return page.show(entry=entry, notice="The new end is set.")

    return await page.after(change)


@router.post("/{key}/manage/claim")
async def claim(page: ManagePageDep, account: SignedInPageDep, changer: EntryChangerDep) -> Response:
    account_id = account.id

    async def take(_: dict[str, str]) -> Response:
        entry = await changer.claim(page.key, account_id, manage_token=page.token)
        response = page.show(entry=entry, notice="It is yours now. The manage link does not open it any more.")
        response.delete_cookie(COOKIE, path=f"/{page.key}/manage")
        return response

    return await page.after(take)


@router.post("/{key}/manage/delete")
async def delete(page: ManagePageDep, ender: EntryEnderDep) -> Response:
    async def end(fields: dict[str, str]) -> Response:
        if not fields.get("confirm"):
            raise InvalidInputError(fields=[FieldError("confirm", "missing", "Tick the box to confirm.")])
        kind = await ender.delete(page.key, page.asker)
        response = render(page.request, "entries/deleted.html", entry_key=page.key, kind=kind.value)
        response.delete_cookie(COOKIE, path=f"/{page.key}/manage")
        return response

    return await page.after(end)
