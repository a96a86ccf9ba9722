"""The pages to register, sign in and sign out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import PageAccountDep, PageSessionIdDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.emails import AT_MOST_ONE
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.accounts.schemas import RegisterIn, TokenIn
from main_service.dependencies import SettingsDep
from main_service.errors import AppError
from main_service.web.form_body import read_form
from main_service.web.forms import Form, FormDep, FormPage, form_action, message_page, parse, redirect_to_page
from main_service.web.safe_redirect import PROFILE, safe_redirect_target
from main_service.web.session_cookie import (
    clear_session_cookie,
    has_session_cookie,
    set_session_cookie,
    sign_out_of_browser,
)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class RegisterPage(FormPage):
    """The page on which a guest registers."""

    template = "accounts/register.html"

    async def show_again(self, error: AppError, form: Form) -> Response:
        return self.show(form, error)

    def show(self, form: Form, error: AppError | None = None) -> Response:
        return self.render(error=error, form={name: form.get(name, "") for name in ("email", "username")})


class SignInPage(FormPage):
    """The page on which a user signs in."""

    template = "accounts/sign_in.html"

    async def show_again(self, error: AppError, form: Form) -> Response:
        return self.render(error=error, name=form.get("name", ""), next_page=safe_redirect_target(form.get("next", "")))

    def errors_by_field(self, error: AppError) -> dict[str, str]:
        errors = super().errors_by_field(error)
        return {("name" if field == "email" else field): message for field, message in errors.items()}


RegisterPageDep = Annotated[RegisterPage, Depends()]
SignInPageDep = Annotated[SignInPage, Depends()]


@router.get("/register")
async def ask_to_register(page: RegisterPageDep, account: PageAccountDep) -> Response:
    return page.show({}) if account is None else RedirectResponse(PROFILE, 303)


@router.post("/register")
@form_action
async def register(page: RegisterPageDep, form: FormDep, settings: SettingsDep, factory: AccountFactoryDep) -> Response:
    """The answer is the same for an email that has an account already."""
    fields = {name: form.get(name, "") for name in ("email", "password")}
    asked = parse(RegisterIn, {**fields, "username": form.get("username") or None})
    await factory.registration.register(asked.new_account)
    return message_page(
        page.request,
        "Check your email",
        f"Open the link in the email that we send to {asked.email} to confirm the address. {AT_MOST_ONE} "
        f"{settings.email_notice}",
        button=("Sign in", "/sign-in"),
    )


@router.get("/sign-in")
async def ask_to_sign_in(page: SignInPageDep, settings: SettingsDep, account: PageAccountDep) -> Response:
    next_page = safe_redirect_target(page.request.query_params.get("next", ""))
    if account is not None:
        return RedirectResponse(next_page, 303)
    if not has_session_cookie(page.request):
        return page.render(name="", next_page=next_page)
    # The session of this cookie has ended.
    return clear_session_cookie(page.render(has_session=False, name="", next_page=next_page), settings)


@router.post("/sign-in")
@form_action
async def sign_in(
    page: SignInPageDep,  # noqa: ARG001 (it is shown again on an error)
    form: FormDep,
    settings: SettingsDep,
    factory: AccountFactoryDep,
    former_session_id: PageSessionIdDep,
) -> Response:
    """Each sign-in starts a session of its own; the one that the browser had before is revoked."""
    asked = parse(TokenIn, {"email": form.get("name", ""), "password": form.get("password", "")})
    account = await factory.sessions.sign_in(asked.email, asked.password)
    if former_session_id is not None:
        await factory.sessions.revoke(former_session_id)
    response = RedirectResponse(safe_redirect_target(form.get("next", "")), 303)
    token = factory.sessions.start_in_browser(account)
    return set_session_cookie(response, token, lifetime=BROWSER_LIFETIME, settings=settings)


redirect_to_page(router, "/", "/sign-out")


@router.post("/sign-out")
async def sign_out(
    request: Request, settings: SettingsDep, factory: AccountFactoryDep, session_id: PageSessionIdDep
) -> Response:
    response = RedirectResponse("/", 303)
    if session_id is not None:
        await read_form(request)
        await factory.sessions.revoke(session_id)
    return sign_out_of_browser(response, settings) if has_session_cookie(request) else response
