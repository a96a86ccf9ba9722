"""The settings page, on which users change their account, create API tokens and sign out everywhere."""

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
from main_service.web.forms import Form, FormDep, FormPage, form_action, parse, redirect_to_page
from main_service.web.session_cookie import set_session_cookie, sign_out_of_browser

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

LIFETIMES = {"": "Never", "7": "7 days", "30": "30 days", "90": "90 days", "365": "365 days"}
"""The lifetimes that a new API token may have: days, as the form sends them, and their labels."""


class SettingsPage(FormPage):
    """The settings of a signed-in user, for one request."""

    template = "accounts/settings.html"
    not_shown_again = (DatabaseUnavailableError,)

    def __init__(
        self,
        request: Request,
        account: SignedInPageDep,
        session_id: SignedInSessionIdDep,
        settings: SettingsDep,
        factory: AccountFactoryDep,
    ) -> None:
        super().__init__(request)
        self._session_id = session_id
        self.factory = factory
        self._settings = settings
        self.email_notice = settings.email_notice
        self.account_id = account.id
        self.session_epoch = account.session_epoch
        # A name that is taken rolls the transaction back, which expires what was read in it.
        self.account = AccountOut.model_validate(account)

    async def show_again(self, error: AppError, form: Form) -> Response:
        return await self.show(error=error, form=form)

    def errors_by_field(self, error: AppError) -> dict[str, str]:
        if isinstance(error, CredentialsWrongError):
            errors = {"password": "Wrong password."}
        elif isinstance(error, NotFoundError):
            errors = {"": "This token has already been deleted."}
        else:
            errors = super().errors_by_field(error)
        if self.request.url.path == "/settings/email":
            # Two forms of the page have a password.
            return {("email_password" if field == "password" else field): text for field, text in errors.items()}
        return errors

    async def show(
        self,
        *,
        account: Account | None = None,
        notice: str | None = None,
        new_token: str | None = None,
        new_session: str | None = None,
        error: AppError | None = None,
        form: Form | None = None,
    ) -> Response:
        """The page. `account`: as it is now, if it was changed; `form`: what was typed."""
        shown = self.account if account is None else AccountOut.model_validate(account)
        usual = {"username": shown.username or "", "email": "", "name": "", "scopes": "", "days": ""}
        response = self.render(
            error=error,
            account=shown,
            tokens=await self.factory.api_tokens.list(self.account_id),
            now=datetime.now(UTC),
            lifetimes=LIFETIMES,
            form=usual | (form or {}),
            notice=notice,
            new_token=new_token,
        )
        if new_session is not None:
            set_session_cookie(response, new_session, lifetime=BROWSER_LIFETIME, settings=self._settings)
        return response

    def given(self, password: str) -> GivenPassword:
        """A password that was typed in a form of this page."""
        return GivenPassword(password, self._session_id)

    def leave(self) -> Response:
        """Redirect to the page to sign in, without a session."""
        return sign_out_of_browser(RedirectResponse("/sign-in", 303), self._settings)


SettingsPageDep = Annotated[SettingsPage, Depends()]


@router.get("/settings")
async def show_settings(page: SettingsPageDep) -> Response:
    return await page.show()


redirect_to_page(
    router,
    "/settings",
    "/settings/username",
    "/settings/email",
    "/settings/confirm",
    "/settings/password",
    "/settings/visits",
    "/settings/daily-report",
    "/settings/tokens",
    "/settings/tokens/{token_id}/delete",
    "/settings/sign-out-everywhere",
)


@router.post("/settings/username")
@form_action
async def change_username(page: SettingsPageDep, form: FormDep) -> Response:
    asked = parse(AccountChangeIn, {"username": form.get("username") or None})
    changes = page.factory.changes
    account = await changes.change_username(page.account_id, asked.username, session_epoch=page.session_epoch)
    return await page.show(account=account, notice="Username saved." if account.username else "Username removed.")


@router.post("/settings/email")
@form_action
async def change_email(page: SettingsPageDep, form: FormDep) -> Response:
    asked = parse(AccountChangeIn, {name: form.get(name, "") for name in ("email", "password")})
    email, password = asked.email or "", page.given(asked.password or "")
    await page.factory.changes.ask_to_change_email(page.account_id, email, password=password)
    return await page.show(notice=f"Check your email: we've sent a link to {email} to confirm it. {page.email_notice}")


@router.post("/settings/confirm")
@form_action
async def resend_confirmation(page: SettingsPageDep, _: FormDep) -> Response:
    account = await page.factory.registration.resend_own_confirmation(page.account_id)
    if account.is_verified:
        return await page.show(account=account, notice="Your email is already confirmed.")
    return await page.show(notice=f"Check your email: we've sent a link to {account.email}. {page.email_notice}")


@router.post("/settings/password")
@form_action
async def change_password(page: SettingsPageDep, form: FormDep) -> Response:
    asked = parse(ChangePasswordIn, {name: form.get(name, "") for name in ("password", "new_password")})
    account = await page.factory.changes.change_password(
        page.account_id, password=page.given(asked.password), new_password=asked.new_password
    )
    notice = "Password changed. You're signed out everywhere else, and your API tokens no longer work."
    return await page.show(account=account, notice=notice, new_session=page.factory.sessions.start_in_browser(account))


@router.post("/settings/visits")
@form_action
async def count_own_visits(page: SettingsPageDep, form: FormDep) -> Response:
    counts, changes = form.get("counts_own_visits") == "yes", page.factory.changes
    account = await changes.count_own_visits(page.account_id, counts=counts, session_epoch=page.session_epoch)
    return await page.show(account=account, notice=f"Your own visits {'count' if counts else 'no longer count'}.")


@router.post("/settings/daily-report")
@form_action
async def send_daily_report(page: SettingsPageDep, form: FormDep) -> Response:
    is_sent, changes = form.get("daily_report") == "yes", page.factory.changes
    account = await changes.send_daily_report(page.account_id, is_sent=is_sent, session_epoch=page.session_epoch)
    return await page.show(account=account, notice=f"The daily report is {'on' if is_sent else 'off'}.")


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
    return await page.show(new_token=text)


@router.post("/settings/tokens/{token_id}/delete")
@form_action
async def delete_token(token_id: UUID, page: SettingsPageDep, _: FormDep) -> Response:
    await page.factory.api_tokens.delete(page.account_id, token_id)
    return await page.show(notice="Token deleted.")


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
    if days not in LIFETIMES:
        raise InvalidInputError(fields=[FieldError("days", "lifetime_unknown", "Choose one from the list.")])
    return datetime.now(UTC) + timedelta(days=int(days)) if days else None
