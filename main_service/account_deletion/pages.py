"""The page that deletes one's account."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from main_service.account_deletion.dependencies import AccountDeletionFactoryDep
from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.cookie_auth import SignedInPageDep, SignedInSessionIdDep
from main_service.accounts.errors import CredentialsWrongError
from main_service.dependencies import SettingsDep
from main_service.errors import AppError, FieldError, InvalidInputError
from main_service.web.form_body import read_form
from main_service.web.forms import sentences
from main_service.web.session_cookie import clear_session_cookie
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

ADDRESS = "/settings/delete"


@router.api_route(ADDRESS, methods=["GET", "HEAD"])
async def ask(request: Request, _: SignedInPageDep) -> Response:
    return _form(request)


@router.post(ADDRESS)
async def delete(
    request: Request,
    account: SignedInPageDep,
    session_id: SignedInSessionIdDep,
    settings: SettingsDep,
    factory: AccountDeletionFactoryDep,
) -> Response:
    fields = await read_form(request)
    try:
        if fields.get("entries") not in ("delete", "leave"):
            raise InvalidInputError(fields=[FieldError("entries", "missing", "Choose what happens to your entries.")])
        given = GivenPassword(fields.get("password", ""), session_id)
        await factory.deletion.delete(account.id, password=given, keeps_entries=fields["entries"] == "leave")
    except CredentialsWrongError as error:
        # The same words as at signing in would speak of a name that nobody has typed here.
        wrong = FieldError("password", error.code, "Wrong password.")
        return _form(request, fields, InvalidInputError(fields=[wrong]))
    except AppError as error:
        return _form(request, fields, error)
    response = render(
        request,
        "accounts/message.html",
        heading="Your account is deleted",
        sentence="You can still create pastes and links as a guest.",
        path="/",
        label="Home",
        has_session=False,
    )
    return clear_session_cookie(response, settings)


def _form(request: Request, fields: dict[str, str] | None = None, error: AppError | None = None) -> Response:
    response = render(
        request,
        "account_deletion/delete.html",
        status=error.status if error else 200,
        entries=(fields or {}).get("entries", ""),
        errors=sentences(error),
    )
    if error is not None:
        response.headers.update(error.headers)
    return response
