"""The sections of the settings, in which users change their account, create API tokens and sign out everywhere."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from main_service.accounts.pages.settings_sections import SECTIONS, TOKEN_LIFETIMES, SettingsPageDep, section_path
from main_service.accounts.schemas import AccountChangeIn, ApiTokenIn, ChangePasswordIn
from main_service.errors import FieldError, InvalidInputError
from main_service.web.forms import FormDep, form_action, parse, redirect_to_page

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


async def show_section(page: SettingsPageDep) -> Response:
    return await page.show()


for _section in SECTIONS:
    router.add_api_route(section_path(_section), show_section, methods=["GET"])

redirect_to_page(router, section_path("profile"), "/settings/username")
redirect_to_page(router, section_path("email"), "/settings/confirm")
redirect_to_page(router, section_path("visits"), "/settings/daily-report")
redirect_to_page(router, section_path("sessions"), "/settings/sign-out-everywhere")
redirect_to_page(router, section_path("tokens"), "/settings/tokens/{token_id}/delete")
# Where password managers look for the page (W3C, "A Well-Known URL for Changing Passwords").
redirect_to_page(router, section_path("password"), "/.well-known/change-password")


@router.post("/settings/username")
@form_action
async def change_username(page: SettingsPageDep, form: FormDep) -> Response:
    asked = parse(AccountChangeIn, {"username": form.get("username") or None})
    changes = page.factory.changes
    await changes.change_username(page.account_id, asked.username, session_epoch=page.session_epoch)
    return page.redirect()


@router.post("/settings/email")
@form_action
async def change_email(page: SettingsPageDep, form: FormDep) -> Response:
    asked = parse(AccountChangeIn, {name: form.get(name, "") for name in ("email", "password")})
    email, password = asked.email or "", page.given(asked.password or "")
    await page.factory.changes.ask_to_change_email(page.account_id, email, password=password)
    return page.redirect(flash=email)


@router.post("/settings/confirm")
@form_action
async def resend_confirmation(page: SettingsPageDep, _: FormDep) -> Response:
    await page.factory.registration.resend_own_confirmation(page.account_id)
    return page.redirect()


@router.post("/settings/password")
@form_action
async def change_password(page: SettingsPageDep, form: FormDep) -> Response:
    asked = parse(ChangePasswordIn, {name: form.get(name, "") for name in ("password", "new_password")})
    account = await page.factory.changes.change_password(
        page.account_id, password=page.given(asked.password), new_password=asked.new_password
    )
    return page.redirect(new_session=page.factory.sessions.start_in_browser(account))


@router.post("/settings/visits")
@form_action
async def count_own_visits(page: SettingsPageDep, form: FormDep) -> Response:
    counts, changes = form.get("counts_own_visits") == "yes", page.factory.changes
    await changes.count_own_visits(page.account_id, counts=counts, session_epoch=page.session_epoch)
    return page.redirect()


@router.post("/settings/daily-report")
@form_action
async def send_daily_report(page: SettingsPageDep, form: FormDep) -> Response:
    is_sent, changes = form.get("daily_report") == "yes", page.factory.changes
    await changes.send_daily_report(page.account_id, is_sent=is_sent, session_epoch=page.session_epoch)
    return page.redirect()


@router.post("/settings/tokens")
@form_action
async def create_token(page: SettingsPageDep, form: FormDep) -> Response:
    scopes = ["read"] if form.get("scopes") == "read" else ["read", "write"]
    asked = parse(ApiTokenIn, {"name": form.get("name", ""), "scopes": scopes})
    _, text = await page.factory.api_tokens.create(
        page.account_id,
        session_epoch=page.session_epoch,
        name=asked.name,
        may_write="write" in asked.scopes,
        expires_at=_end(form.get("days", "")),
    )
    return page.redirect(flash=text)


@router.post("/settings/tokens/{token_id}/delete")
@form_action
async def delete_token(token_id: UUID, page: SettingsPageDep, _: FormDep) -> Response:
    await page.factory.api_tokens.delete(page.account_id, token_id)
    return page.redirect(done="token-deleted")


@router.post("/settings/sign-out-everywhere")
@form_action
async def sign_out_everywhere(page: SettingsPageDep, _: FormDep) -> Response:
    await page.factory.sessions.revoke_all(page.account_id, session_epoch=page.session_epoch)
    return page.leave()


def _end(days: str) -> datetime | None:
    """When a token with this lifetime expires; None: never.

    Raises:
        InvalidInputError: this lifetime is not offered.
    """
    if days not in TOKEN_LIFETIMES:
        raise InvalidInputError(fields=[FieldError("days", "lifetime_unknown", "Choose one from the list.")])
    return datetime.now(UTC) + timedelta(days=int(days)) if days else None
