"""The pages that the links of letters lead to: an address confirmed, a new password asked for and set."""

from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ValidationError

from main_service.accounts.dependencies import AccountChangerDep, AccountRegistrarDep
from main_service.accounts.schemas import EmailIn, ResetIn
from main_service.dependencies import SettingsDep
from main_service.errors import AppError, InvalidInputError
from main_service.problems import field_errors
from main_service.settings import Settings
from main_service.web.csrf import FIELD, CsrfForm, check_form
from main_service.web.form_body import read_form
from main_service.web.templating import render

Shape = TypeVar("Shape", bound=BaseModel)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route("/verify/{token}", methods=["GET", "HEAD"])
async def verify(token: str, request: Request, registrar: AccountRegistrarDep) -> Response:
    await registrar.confirm(token)
    heading = "Your address is confirmed"
    return render(request, "accounts/message.html", heading=heading, sentence="You can close this page.")


@router.api_route("/forgot", methods=["GET", "HEAD"])
async def ask_for_email(request: Request, settings: SettingsDep) -> Response:
    return _form(request, settings, "accounts/forgot.html", email="")


@router.post("/forgot")
async def forgot(request: Request, settings: SettingsDep, changer: AccountChangerDep) -> Response:
    fields = await read_form(request)
    email = fields.get("email", "")
    try:
        check_form(request, fields.get(FIELD), settings)
        await changer.forgot_password(_parse(EmailIn, email=email).email)
    except AppError as error:
        return _form(request, settings, "accounts/forgot.html", error=error, email=email)
    sentence = "If this address has an account, a letter with a link to choose a new password is on its way to it."
    return render(request, "accounts/message.html", heading="Look into your mail", sentence=sentence)


@router.api_route("/reset/{token}", methods=["GET", "HEAD"])
async def ask_for_password(token: str, request: Request, settings: SettingsDep) -> Response:
    return _form(request, settings, "accounts/reset.html", token=token)


@router.post("/reset")
async def reset(request: Request, settings: SettingsDep, changer: AccountChangerDep) -> Response:
    fields = await read_form(request)
    token = fields.get("token", "")
    try:
        check_form(request, fields.get(FIELD), settings)
        asked = _parse(ResetIn, token=token, password=fields.get("password", ""))
        await changer.reset_password(asked.token, asked.password)
    except AppError as error:
        return _form(request, settings, "accounts/reset.html", error=error, token=token)
    sentence = "It counts from now on. Whoever was signed in to your account, wherever, is signed out."
    return render(request, "accounts/message.html", heading="Your password is set", sentence=sentence)


def _parse(shape: type[Shape], **fields: str) -> Shape:
    """`fields` as `shape`.

    Raises:
        InvalidInputError: with the names of the form's fields.
    """
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        raise InvalidInputError(fields=field_errors(error.errors())) from error


def _form(
    request: Request, settings: Settings, template: str, *, error: AppError | None = None, **context: str
) -> Response:
    """A form, or the same again with what is wrong. A password is never filled in again."""
    csrf = CsrfForm(request, settings)
    errors: dict[str, str] = {}
    if error is not None:
        errors = {f.field: f.message for f in error.fields} or {"": f"{error.message} {error.advice or ''}".strip()}
    response = render(
        request,
        template,
        status=error.status if error else 200,
        errors=errors,
        csrf_token=csrf.token,
        **context,
    )
    if error is not None:
        response.headers.update(error.headers)
    return csrf.attach(response)
