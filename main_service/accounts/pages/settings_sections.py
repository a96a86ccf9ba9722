"""A section of the settings of a signed-in user, for one request: its forms, and the result of sending one."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.cookie_auth import SignedInPageDep, SignedInSessionIdDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.errors import CredentialsWrongError
from main_service.accounts.flash_cookie import clear_flash, find_flash, set_flash
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.accounts.schemas import AccountOut
from main_service.dependencies import SettingsDep
from main_service.errors import AppError, DatabaseUnavailableError, NotFoundError
from main_service.web.forms import Form, FormPage, redirect_after_form
from main_service.web.session_cookie import set_session_cookie, sign_out_of_browser

FOLDER = "/settings"

SECTIONS = {
    "profile": ("username",),
    "email": ("email", "confirm"),
    "password": ("password",),
    "visits": ("visits", "daily-report"),
    "sessions": ("sign-out-everywhere",),
    "tokens": ("tokens",),
    "data": (),
}
"""The forms of each section. What follows `FOLDER` in a path is a section, or a form that is sent there."""

TOKEN_LIFETIMES = {"": "Never", "7": "7 days", "30": "30 days", "90": "90 days", "365": "365 days"}
"""The lifetimes that a new API token may have: days, as the form sends them, and their labels."""


def section_path(section: str) -> str:
    """The path of a section; the first is that of the settings."""
    return FOLDER if section == "profile" else f"{FOLDER}/{section}"


class SettingsPage(FormPage):
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
        # Between "/settings/" and the next slash.
        self._form = request.url.path.removeprefix(FOLDER).strip("/").partition("/")[0] or "profile"
        self._section = next((name for name, forms in SECTIONS.items() if self._form in forms), self._form)
        self._path = section_path(self._section)
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
            return {"password": "Wrong password."}
        if isinstance(error, NotFoundError):
            return {"": "This token has already been deleted."}
        return super().errors_by_field(error)

    async def show(
        self,
        *,
        error: AppError | None = None,
        form: Form | None = None,
    ) -> Response:
        """The section. `form`: what was typed."""
        shown = self.account
        usual = {"username": shown.username or "", "email": "", "name": "", "scopes": "", "days": ""}
        new_token = await self._find_new_token()
        response = self.render(
            f"accounts/settings/{self._section}.html",
            error=error,
            section=self._section,
            done=self.done,
            account=shown,
            tokens=await self.factory.api_tokens.list(self.account_id) if self._section == "tokens" else (),
            now=datetime.now(UTC),
            lifetimes=TOKEN_LIFETIMES,
            session_days=BROWSER_LIFETIME.days,
            form=usual | (form or {}),
            notice=None if new_token else self._notice(),
            new_token=new_token,
        )
        return clear_flash(response, page=self._path, settings=self._settings) if new_token else response

    def redirect(
        self, *, done: str | None = None, flash: str | None = None, new_session: str | None = None
    ) -> Response:
        """Redirect from the form that was sent to its section, which says what was done.

        `done`: what was done; None: the name of the form says it. `flash`: a text for the section that must not be in a
        URL. `new_session`: the token of the session to continue with.
        """
        response = redirect_after_form(self._path, done=done or self._form)
        if flash is not None:
            set_flash(response, flash, page=self._path, settings=self._settings)
        if new_session is not None:
            set_session_cookie(response, new_session, lifetime=BROWSER_LIFETIME, settings=self._settings)
        return response

    def given(self, password: str) -> GivenPassword:
        """A password that was typed in a form of this section."""
        return GivenPassword(password, self._session_id)

    async def _find_new_token(self) -> str | None:
        """The API token that was created just now; None: none was, or another account's was planted here."""
        text = find_flash(self.request, self._settings) if self._section == self.done == "tokens" else None
        return text if text and await self.factory.api_tokens.has(self.account_id, text) else None

    def _notice(self) -> str | None:
        """What the form that led here has done, going by the present state of the account."""
        account = self.account
        match self.done:
            case "username":
                return "Username saved." if account.username else "Username removed."
            case "email":
                address = find_flash(self.request, self._settings) or "your new address"
                return f"Check your email: we've sent a link to {address} to confirm it. {self.email_notice}"
            case "confirm" if account.is_verified:
                return "Your email is already confirmed."
            case "confirm":
                return f"Check your email: we've sent a link to {account.email}. {self.email_notice}"
            case "password":
                return "Password changed. You're signed out everywhere else, and your API tokens no longer work."
            case "visits":
                return f"Your own visits {'count' if account.counts_own_visits else 'no longer count'}."
            case "daily-report":
                return f"The daily report is {'on' if account.daily_report else 'off'}."
            case "tokens":
                return "Your new token was shown once, and can't be shown again."
            case "token-deleted":
                return "Token deleted."
        return None

    def leave(self) -> Response:
        """Redirect to the page to sign in, without a session."""
        return sign_out_of_browser(RedirectResponse("/sign-in", 303), self._settings)


SettingsPageDep = Annotated[SettingsPage, Depends()]
