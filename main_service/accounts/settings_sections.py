"""A section of the settings of a signed-in user, for one request: with its form, and what came of sending that."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.cookie_auth import SignedInPageDep, SignedInSessionIdDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.errors import CredentialsWrongError
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.accounts.models import Account
from main_service.accounts.schemas import AccountOut
from main_service.dependencies import SettingsDep
from main_service.errors import AppError, DatabaseUnavailableError, NotFoundError
from main_service.web.forms import Form, FormPage
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
        account: Account | None = None,
        notice: str | None = None,
        new_token: str | None = None,
        new_session: str | None = None,
        error: AppError | None = None,
        form: Form | None = None,
    ) -> Response:
        """The section. `account`: as it is now, if it was changed; `form`: what was typed."""
        shown = self.account if account is None else AccountOut.model_validate(account)
        usual = {"username": shown.username or "", "email": "", "name": "", "scopes": "", "days": ""}
        response = self.render(
            f"accounts/settings/{self._section}.html",
            error=error,
            section=self._section,
            done=self._form,
            account=shown,
            tokens=await self.factory.api_tokens.list(self.account_id) if self._section == "tokens" else (),
            now=datetime.now(UTC),
            lifetimes=TOKEN_LIFETIMES,
            session_days=BROWSER_LIFETIME.days,
            form=usual | (form or {}),
            notice=notice,
            new_token=new_token,
        )
        if new_session is not None:
            set_session_cookie(response, new_session, lifetime=BROWSER_LIFETIME, settings=self._settings)
        return response

    def given(self, password: str) -> GivenPassword:
        """A password that was typed in a form of this section."""
        return GivenPassword(password, self._session_id)

    def leave(self) -> Response:
        """Redirect to the page to sign in, without a session."""
        return sign_out_of_browser(RedirectResponse("/sign-in", 303), self._settings)


SettingsPageDep = Annotated[SettingsPage, Depends()]
