"""The pages that the links in emails lead to: an address confirmed, a new password asked for and set."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from main_service.accounts.dependencies import AccountFactoryDep
from main_service.accounts.emails import AT_MOST_ONE, in_constant_time
from main_service.accounts.errors import LinkInvalidError
from main_service.accounts.schemas import EmailIn, ResetIn
from main_service.dependencies import SessionDep
from main_service.errors import AppError
from main_service.web.form_body import read_form
from main_service.web.forms import FormDep, form_page, message_page, parse

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

SIGN_IN = ("Sign in", "/sign-in")


@router.get("/verify/{token}")
async def ask_to_confirm(token: str, request: Request, factory: AccountFactoryDep) -> Response:
    """Only ask: programs that scan emails open links, but press no buttons."""
    confirmation = await factory.registration.preview_confirmation(token)
    if confirmation.is_done:
        return _confirmed_page(request)
    return form_page(request, "accounts/confirm.html", confirmation=confirmation, token=token)


@router.post("/verify/{token}")
async def confirm(token: str, request: Request, _: FormDep, factory: AccountFactoryDep) -> Response:
    await factory.registration.confirm(token)
    return _confirmed_page(request)


@router.get("/forgot")
async def ask_for_email(request: Request) -> Response:
    return form_page(request, "accounts/forgot.html", email="")


@router.post("/forgot")
async def forgot(request: Request, session: SessionDep, factory: AccountFactoryDep) -> Response:
    fields = await read_form(request)
    email = fields.get("email", "")
    try:
        asked = parse(EmailIn, email=email)
        async with in_constant_time(session):
            await factory.changes.forgot_password(asked.email)
    except AppError as error:
        return form_page(request, "accounts/forgot.html", error=error, email=email)
    sentence = "If this email has an account, we've sent it a link to choose a new password."
    return message_page(request, "Check your email", f"{sentence} {AT_MOST_ONE}", button=SIGN_IN)


@router.get("/reset/{token}")
async def ask_for_password(token: str, request: Request, factory: AccountFactoryDep) -> Response:
    try:
        await factory.changes.check_reset_link(token)
    except LinkInvalidError as error:
        return _void_link_page(request, error)
    return form_page(request, "accounts/reset.html", token=token)


@router.post("/reset")
async def reset(request: Request, factory: AccountFactoryDep) -> Response:
    fields = await read_form(request)
    token = fields.get("token", "")
    try:
        asked = parse(ResetIn, token=token, password=fields.get("password", ""))
        await factory.changes.reset_password(asked.token, asked.password)
    except LinkInvalidError as error:
        return _void_link_page(request, error)
    except AppError as error:
        return form_page(request, "accounts/reset.html", error=error, token=token)
    sentence = "You've been signed out everywhere. Sign in with your new password."
    return message_page(request, "Password changed", sentence, button=SIGN_IN)


def _void_link_page(request: Request, error: LinkInvalidError) -> Response:
    return form_page(request, "accounts/reset_void.html", error=error)


def _confirmed_page(request: Request) -> Response:
    heading, sentence = "Your email is confirmed", "You can close this page, or sign in."
    return message_page(request, heading, sentence, button=SIGN_IN, template="accounts/confirmed.html")
