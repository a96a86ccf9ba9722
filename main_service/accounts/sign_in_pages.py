"""The pages to register, sign in and sign out."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import PageAccountDep, PageSessionIdDep
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.emails import AT_MOST_ONE
from main_service.accounts.jwt_tokens import BROWSER_LIFETIME
from main_service.accounts.schemas import RegisterIn, TokenIn
from main_service.dependencies import SettingsDep
from main_service.errors import AppError
from main_service.web.form_body import read_form
from main_service.web.forms import form_page, message_page, parse, sentences
from main_service.web.safe_redirect import PROFILE, own_page
from main_service.web.session_cookie import clear_session_cookie, has_session_cookie, set_session_cookie

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/register")
async def ask_to_register(request: Request, account: PageAccountDep) -> Response:
    if account is not None:
        return RedirectResponse(PROFILE, 303)
    return _register_form(request, {})


@router.post("/register")
async def register(request: Request, factory: AccountFactoryDep) -> Response:
    """The answer is the same for an address that has an account already."""
    fields = await read_form(request)
    try:
        asked = parse(
            RegisterIn,
            email=fields.get("email", ""),
            username=fields.get("username") or None,
            password=fields.get("password", ""),
        )
        await factory.registration.register(asked.new_account)
    except AppError as error:
        return _register_form(request, fields, error)
    return message_page(
        request,
        "Check your email",
        f"Open the link in the email that we send to {asked.email} to confirm the address. {AT_MOST_ONE}",
        button=("Sign in", "/sign-in"),
    )


@router.get("/sign-in")
async def ask_to_sign_in(request: Request, settings: SettingsDep, account: PageAccountDep) -> Response:
    next_page = own_page(request.query_params.get("next", ""))
    if account is not None:
        return RedirectResponse(next_page, 303)
    template = "accounts/sign_in.html"
    if not has_session_cookie(request):
        return form_page(request, template, name="", next_page=next_page)
    # The session of this cookie has ended.
    page = form_page(request, template, has_session=False, name="", next_page=next_page)
    return clear_session_cookie(page, settings)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    settings: SettingsDep,
    factory: AccountFactoryDep,
    former_session_id: PageSessionIdDep,
) -> Response:
    """Each sign-in starts a session of its own; the one that the browser had before is revoked."""
    fields = await read_form(request)
    name, next_page = fields.get("name", ""), own_page(fields.get("next", ""))
    try:
        asked = parse(TokenIn, email=name, password=fields.get("password", ""))
        account = await factory.sessions.sign_in(asked.email, asked.password)
    except AppError as error:
        errors = {("name" if field == "email" else field): text for field, text in sentences(error).items()}
        template = "accounts/sign_in.html"
        return form_page(request, template, error=error, errors=errors, name=name, next_page=next_page)
    if former_session_id is not None:
        await factory.sessions.revoke(former_session_id)
    token = factory.sessions.start_in_browser(account)
    return set_session_cookie(RedirectResponse(next_page, 303), token, lifetime=BROWSER_LIFETIME, settings=settings)


@router.get("/sign-out")
async def lead_back() -> Response:
    """Redirect a browser that opens the address of the form."""
    return RedirectResponse("/", 303)


@router.post("/sign-out")
async def sign_out(
    request: Request, settings: SettingsDep, factory: AccountFactoryDep, session_id: PageSessionIdDep
) -> Response:
    response = RedirectResponse("/", 303)
    if session_id is not None:
        await read_form(request)
        await factory.sessions.revoke(session_id)
    return clear_session_cookie(response, settings) if has_session_cookie(request) else response


def _register_form(request: Request, fields: dict[str, str], error: AppError | None = None) -> Response:
    form = {name: fields.get(name, "") for name in ("email", "username")}
    return form_page(request, "accounts/register.html", error=error, form=form)
