"""The pages to register, sign in and sign out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import PageAccountDep, PageSessionIdDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.emails import AT_MAX_ONE
from main_service.accounts.flash_cookie import find_flash, set_flash
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.accounts.schemas import RegisterIn, TokenIn
from main_service.dependencies import SettingsDep
from main_service.errors import AppError
from main_service.web.bodies.form import read_form
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
from main_service.web.safe_redirect import PROFILE, safe_redirect_target
from main_service.web.session_cookie import (
    clear_session_cookie,
    has_session_cookie,
    set_session_cookie,
    sign_out_of_browser,
)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

REGISTER = "/register"
REGISTERED = "registered"
"""In the query of the registration page: the account was registered."""
RESET = "reset"
"""In the query of the sign-in page: a new password was set."""


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
        next_page = safe_redirect_target(form.get("next", ""))
        return self.render(error=error, name=form.get("name", ""), next_page=next_page, has_new_password=False)

    def show(self, next_page: str) -> Response:
        """The page without a session, whatever cookie came."""
        return self.render(has_session=False, name="", next_page=next_page, has_new_password=self.done == RESET)

    def errors_by_field(self, error: AppError) -> dict[str, str]:
        errors = super().errors_by_field(error)
        return {("name" if field == "email" else field): message for field, message in errors.items()}


RegisterPageDep = Annotated[RegisterPage, Depends()]
SignInPageDep = Annotated[SignInPage, Depends()]


@router.get(REGISTER)
async def ask_to_register(page: RegisterPageDep, account: PageAccountDep, settings: SettingsDep) -> Response:
    if account is not None:
        return RedirectResponse(PROFILE, 303)
    if page.done != REGISTERED:
        return page.show({})
    return message_page(
        page.request,
        "Check your email",
        f"Open the link in the email that we send to {find_flash(page.request, settings) or 'you'} to confirm the "
        f"address. You can sign in right away. {AT_MAX_ONE} {settings.email_notice}",
        button=("Sign in", "/sign-in"),
    )


@router.post(REGISTER)
@form_action
async def register(
    page: RegisterPageDep,  # noqa: ARG001 (it is shown again on an error)
    form: FormDep,
    settings: SettingsDep,
    factory: AccountFactoryDep,
) -> Response:
    """The answer is the same for an email that has an account already."""
    fields = {name: form.get(name, "") for name in ("email", "password")}
    asked = parse(RegisterIn, {**fields, "username": form.get("username") or None})
    await factory.registration.register(asked.new_account)
    return set_flash(redirect_after_form(REGISTER, done=REGISTERED), asked.email, page=REGISTER, settings=settings)


@router.get("/sign-in")
async def ask_to_sign_in(page: SignInPageDep, settings: SettingsDep, account: PageAccountDep) -> Response:
    next_page = safe_redirect_target(page.request.query_params.get("next", ""))
    if account is not None:
        return RedirectResponse(next_page, 303)
    if not has_session_cookie(page.request):
        return page.show(next_page)
    # The session of this cookie has ended.
    return clear_session_cookie(page.show(next_page), settings)


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
