"""The settings page, on which users change their account, create API tokens and sign out everywhere."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.cookie_auth import SignedInPageDep, SignedInSessionIdDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.errors import CredentialsWrongError
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.accounts.models import Account
from main_service.accounts.schemas import AccountChangeIn, AccountOut, ApiTokenIn, ChangePasswordIn
from main_service.dependencies import SettingsDep
from main_service.errors import AppError, DatabaseUnavailableError, FieldError, InvalidInputError, NotFoundError
from main_service.web.form_body import read_form
from main_service.web.forms import form_page, parse, sentences
from main_service.web.session_cookie import clear_session_cookie, set_session_cookie

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

LIFETIMES = {"": "Never", "7": "7 days", "30": "30 days", "90": "90 days", "365": "365 days"}
"""The lifetimes that a new API token may have: days, as the form sends them, and their labels."""

_WORDS: dict[type[AppError], dict[str, str]] = {
    CredentialsWrongError: {"password": "Wrong password."},
    NotFoundError: {"": "This token has already been deleted."},
}
"""Sentences about errors, by field, that fit this page better than those of the errors."""

Action = Callable[[dict[str, str]], Awaitable[Response]]


class SettingsPage:
    """The settings page of the user who is signed in, before and after a change."""

    def __init__(
        self,
        request: Request,
        account: SignedInPageDep,
        session_id: SignedInSessionIdDep,
        settings: SettingsDep,
        factory: AccountFactoryDep,
    ) -> None:
        self._session_id = session_id
        self.factory = factory
        self._request = request
        self._settings = settings
        self.account_id = account.id
        self.session_epoch = account.session_epoch
        # A name that is taken rolls the transaction back, which expires what was read in it.
        self.account = AccountOut.model_validate(account)

    async def after(self, action: Action, fields_on_page: Mapping[str, str] | None = None) -> Response:
        """The response of `action` to the form, or the page again with what is wrong.

        `fields_on_page`: names of fields on this page, by their names in the form, where several forms share one.
        """
        fields = await read_form(self._request)
        try:
            return await action(fields)
        except DatabaseUnavailableError:
            # The page itself needs the database.
            raise
        except AppError as error:
            errors = _WORDS.get(type(error)) or sentences(error)
            names = fields_on_page or {}
            errors = {names.get(field, field): sentence for field, sentence in errors.items()}
            kept = {names.get(field, field): value for field, value in fields.items()}
            return await self.show(error=error, errors=errors, kept=kept)

    async def show(
        self,
        *,
        account: Account | None = None,
        notice: str | None = None,
        new_token: str | None = None,
        new_session: str | None = None,
        error: AppError | None = None,
        errors: dict[str, str] | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> Response:
        """`account`: its new state, if it was changed. `kept`: what the user typed, by field of the page."""
        shown = self.account if account is None else AccountOut.model_validate(account)
        form = {"username": shown.username or "", "email": "", "name": "", "scopes": "", "days": ""} | dict(kept or {})
        response = form_page(
            self._request,
            "accounts/settings.html",
            account=shown,
            tokens=await self.factory.api_tokens.list(self.account_id),
            now=datetime.now(UTC),
            lifetimes=LIFETIMES,
            form=form,
            notice=notice,
            new_token=new_token,
            error=error,
            errors=errors,
        )
        if new_session is not None:
            set_session_cookie(response, new_session, lifetime=BROWSER_LIFETIME, settings=self._settings)
        return response

    def given(self, password: str) -> GivenPassword:
        """A password that was typed in a form of this page."""
        return GivenPassword(password, self._session_id)

    def leave(self) -> Response:
        """Redirect to the page to sign in, without a session."""
        return clear_session_cookie(RedirectResponse("/sign-in", 303), self._settings)


SettingsPageDep = Annotated[SettingsPage, Depends()]


@router.get("/settings")
async def show_settings(page: SettingsPageDep) -> Response:
    return await page.show()


@router.get("/settings/username")
@router.get("/settings/email")
@router.get("/settings/confirm")
@router.get("/settings/password")
@router.get("/settings/visits")
@router.get("/settings/daily-report")
@router.get("/settings/tokens")
@router.get("/settings/tokens/{token_id}/delete")
@router.get("/settings/sign-out-everywhere")
async def lead_back() -> Response:
    """Redirect a browser that opens the address of a form."""
    return RedirectResponse("/settings", 303)


@router.post("/settings/username")
async def change_username(page: SettingsPageDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        asked = parse(AccountChangeIn, username=fields.get("username") or None)
        account = await page.factory.changes.change_username(
            page.account_id, asked.username, session_epoch=page.session_epoch
        )
        notice = "Username saved." if account.username else "Username removed."
        return await page.show(account=account, notice=notice)

    return await page.after(change)


@router.post("/settings/email")
async def change_email(page: SettingsPageDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        asked = parse(AccountChangeIn, email=fields.get("email", ""), password=fields.get("password", ""))
        email = asked.email or ""
        await page.factory.changes.ask_to_change_email(
            page.account_id, email, password=page.given(asked.password or "")
        )
        return await page.show(notice=f"Check your email: we've sent a link to {email} to confirm it.")

    return await page.after(change, {"password": "email_password"})


@router.post("/settings/confirm")
async def resend_confirmation(page: SettingsPageDep) -> Response:
    async def resend(_: dict[str, str]) -> Response:
        account = await page.factory.registration.resend_own_confirmation(page.account_id)
        if account.is_verified:
            return await page.show(account=account, notice="Your email is already confirmed.")
        return await page.show(notice=f"Check your email: we've sent a link to {account.email}.")

    return await page.after(resend)


@router.post("/settings/password")
async def change_password(page: SettingsPageDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        given = {name: fields.get(name, "") for name in ("password", "new_password")}
        asked = parse(ChangePasswordIn, **given)
        account = await page.factory.changes.change_password(
            page.account_id, password=page.given(asked.password), new_password=asked.new_password
        )
        notice = "Password changed. You're signed out everywhere else, and your API tokens no longer work."
        return await page.show(
            account=account, notice=notice, new_session=page.factory.sessions.start_in_browser(account)
        )

    return await page.after(change)


@router.post("/settings/visits")
async def count_own_visits(page: SettingsPageDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        counts = fields.get("counts_own_visits") == "yes"
        account = await page.factory.changes.count_own_visits(
            page.account_id, counts=counts, session_epoch=page.session_epoch
        )
        return await page.show(account=account, notice=f"Your own visits {'count' if counts else 'no longer count'}.")

    return await page.after(change)


@router.post("/settings/daily-report")
async def send_daily_report(page: SettingsPageDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        is_sent = fields.get("daily_report") == "yes"
        account = await page.factory.changes.send_daily_report(
            page.account_id, is_sent=is_sent, session_epoch=page.session_epoch
        )
        return await page.show(account=account, notice=f"The daily report is {'on' if is_sent else 'off'}.")

    return await page.after(change)


@router.post("/settings/tokens")
async def create_token(page: SettingsPageDep) -> Response:
    async def create(fields: dict[str, str]) -> Response:
        scopes = ["read"] if fields.get("scopes") == "read" else ["read", "write"]
        asked = parse(ApiTokenIn, name=fields.get("name", ""), scopes=scopes)
        _, text = await page.factory.api_tokens.create(
            page.account_id,
            session_epoch=page.session_epoch,
            name=asked.name,
            may_write="write" in asked.scopes,
            expires_at=_end(fields.get("days", "")),
        )
        return await page.show(new_token=text)

    return await page.after(create)


@router.post("/settings/tokens/{token_id}/delete")
async def delete_token(token_id: UUID, page: SettingsPageDep) -> Response:
    async def delete(_: dict[str, str]) -> Response:
        await page.factory.api_tokens.delete(page.account_id, token_id)
        return await page.show(notice="Token deleted.")

    return await page.after(delete)


@router.post("/settings/sign-out-everywhere")
async def sign_out_everywhere(page: SettingsPageDep) -> Response:
    async def end(_: dict[str, str]) -> Response:
        await page.factory.sessions.revoke_all(page.account_id, session_epoch=page.session_epoch)
        return page.leave()

    return await page.after(end)


def _end(days: str) -> datetime | None:
    """When a token with this lifetime expires; None: never.

    Raises:
        InvalidInputError: this lifetime is not offered.
    """
    if days not in LIFETIMES:
        raise InvalidInputError(fields=[FieldError("days", "lifetime_unknown", "Choose one from the list.")])
    return datetime.now(UTC) + timedelta(days=int(days)) if days else None
