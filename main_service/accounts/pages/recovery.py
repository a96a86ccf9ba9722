"""The pages that the links in emails lead to: an address confirmed, a new password asked for and set."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.emails import AT_MAX_ONE, in_constant_time
from main_service.accounts.errors import LinkInvalidError
from main_service.accounts.pages.sign_in import RESET
from main_service.accounts.schemas import EmailIn, ResetIn
from main_service.dependencies import SessionDep, SettingsDep
from main_service.errors import AppError
from main_service.web.forms import (
    Form,
    FormDep,
    FormPage,
    form_action,
    message_page,
    parse,
    redirect_after_form,
    redirect_to_page,
)
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

SIGN_IN = ("Sign in", "/sign-in")
SENT = "sent"
"""In the query of the page that asks for an email: a link may be on its way to it."""


class ForgotPage(FormPage):
    """The page that sends a link to choose a new password."""

    template = "accounts/forgot.html"

    async def show_again(self, error: AppError, form: Form) -> Response:
        return self.render(error=error, email=form.get("email", ""))


class ResetPage(FormPage):
    """The page that sets a new password."""

    template = "accounts/reset.html"

    async def show_again(self, error: AppError, form: Form) -> Response:
        if isinstance(error, LinkInvalidError):
            return render(self.request, "accounts/reset_void.html", status=error.status)
        return self.show(self.request.path_params.get("token", form.get("token", "")), error)

    def show(self, token: str, error: AppError | None = None) -> Response:
        return self.render(error=error, token=token)


ForgotPageDep = Annotated[ForgotPage, Depends()]
ResetPageDep = Annotated[ResetPage, Depends()]


@router.get("/verify/{token}")
async def ask_to_confirm(token: str, request: Request, factory: AccountFactoryDep) -> Response:
    """Only ask: programs that scan emails open links, but don't press buttons."""
    confirmation = await factory.registration.preview_confirmation(token)
    if confirmation.is_done:
        return _confirmed_page(request)
    return render(request, "accounts/confirm.html", confirmation=confirmation, token=token)


@router.post("/verify/{token}")
async def confirm(token: str, _: FormDep, factory: AccountFactoryDep) -> Response:
    await factory.registration.confirm(token)
    return RedirectResponse(f"/verify/{token}", 303)


@router.get("/forgot")
async def ask_for_email(page: ForgotPageDep, settings: SettingsDep) -> Response:
    if page.done != SENT:
        return page.render(email="")
    sentence = "If the email you entered has an account, we've sent it a link to choose a new password."
    told = f"{sentence} {AT_MAX_ONE} {settings.email_notice}"
    return message_page(page.request, "Check your email", told, button=SIGN_IN)


@router.post("/forgot")
@form_action
async def forgot(
    page: ForgotPageDep,  # noqa: ARG001 (it is shown again on an error)
    form: FormDep,
    session: SessionDep,
    factory: AccountFactoryDep,
) -> Response:
    asked = parse(EmailIn, {"email": form.get("email", "")})
    async with in_constant_time(session):
        await factory.changes.forgot_password(asked.email)
    return redirect_after_form("/forgot", done=SENT)


@router.get("/reset/{token}")
async def ask_for_password(token: str, page: ResetPageDep, factory: AccountFactoryDep) -> Response:
    try:
        await factory.changes.check_reset_link(token)
    except LinkInvalidError as error:
        return await page.show_again(error, {})
    return page.show(token)


# Where the page of the previous release sends its form.
redirect_to_page(router, "/forgot", "/reset")


@router.post("/reset/{token}")
@router.post("/reset")
@form_action
async def reset(
    page: ResetPageDep,  # noqa: ARG001 (it is shown again on an error)
    form: FormDep,
    factory: AccountFactoryDep,
    token: str = "",
) -> Response:
    asked = parse(ResetIn, {"token": token or form.get("token", ""), "password": form.get("password", "")})
    await factory.changes.reset_password(asked.token, asked.password)
    return redirect_after_form("/sign-in", done=RESET)


def _confirmed_page(request: Request) -> Response:
    heading, sentence = "Your email is confirmed", "You can close this page, or sign in."
    return message_page(request, heading, sentence, button=SIGN_IN, template="accounts/confirmed.html")
