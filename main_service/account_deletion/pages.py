"""The page on which users delete their account."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from main_service.account_deletion.dependencies import AccountDeletionFactoryDep
from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.cookie_auth import PageAccountDep, SignedInPageDep, SignedInSessionIdDep
from main_service.accounts.errors import CredentialsWrongError
from main_service.dependencies import SettingsDep
from main_service.errors import AppError, FieldError, InvalidInputError, SignInRequiredError
from main_service.web.forms import Form, FormDep, FormPage, form_action, redirect_after_form
from main_service.web.session_cookie import sign_out_of_browser

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

ADDRESS = "/settings/delete"
DELETED = "deleted"
"""In the query of the page: the account that was signed in is deleted."""


class DeleteAccountPage(FormPage):
    """The page that asks for the password before it deletes an account."""

    template = "account_deletion/delete.html"

    async def show_again(self, error: AppError, form: Form) -> Response:
        if isinstance(error, CredentialsWrongError):
            # The message for sign-in mentions a name, which this page doesn't ask for.
            error = InvalidInputError(fields=[FieldError("password", error.code, "Wrong password.")])
        return self.render(error=error, entries=form.get("entries", ""))


DeleteAccountPageDep = Annotated[DeleteAccountPage, Depends()]


@router.get(ADDRESS)
async def ask(page: DeleteAccountPageDep, account: PageAccountDep) -> Response:
    if account is not None:
        return page.render(entries="")
    if page.done != DELETED:
        raise SignInRequiredError
    return page.render(
        "accounts/message.html",
        heading="Your account is deleted",
        sentence="You can still create pastes and links as a guest.",
        path="/",
        label="Home",
        has_session=False,
        is_signed_out=True,
    )


@router.post(ADDRESS)
@form_action
async def delete(
    page: DeleteAccountPageDep,  # noqa: ARG001 (it is shown again on an error)
    account: SignedInPageDep,
    session_id: SignedInSessionIdDep,
    form: FormDep,
    settings: SettingsDep,
    factory: AccountDeletionFactoryDep,
) -> Response:
    if form.get("entries") not in ("delete", "leave"):
        raise InvalidInputError(fields=[FieldError("entries", "missing", "Choose what happens to your entries.")])
    given = GivenPassword(form.get("password", ""), session_id)
    await factory.deletion.delete(account.id, password=given, keeps_entries=form["entries"] == "leave")
    return sign_out_of_browser(redirect_after_form(ADDRESS, done=DELETED), settings)
