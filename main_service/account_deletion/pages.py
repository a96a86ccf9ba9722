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
from main_service.web.forms import form_page
from main_service.web.session_cookie import clear_session_cookie
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

ADDRESS = "/settings/delete"
TEMPLATE = "account_deletion/delete.html"


@router.get(ADDRESS)
async def ask(request: Request, _: SignedInPageDep) -> Response:
    return form_page(request, TEMPLATE, entries="")


@router.post(ADDRESS)
async def delete(
    request: Request,
    account: SignedInPageDep,
    session_id: SignedInSessionIdDep,
    settings: SettingsDep,
    factory: AccountDeletionFactoryDep,
) -> Response:
    fields = await read_form(request)
    entries = fields.get("entries", "")
    try:
        if entries not in ("delete", "leave"):
            raise InvalidInputError(fields=[FieldError("entries", "missing", "Choose what happens to your entries.")])
        given = GivenPassword(fields.get("password", ""), session_id)
        await factory.deletion.delete(account.id, password=given, keeps_entries=entries == "leave")
    except CredentialsWrongError as error:
        # The sentence for signing in speaks of a user name, which this form does not have.
        wrong = FieldError("password", error.code, "Wrong password.")
        return form_page(request, TEMPLATE, error=InvalidInputError(fields=[wrong]), entries=entries)
    except AppError as error:
        return form_page(request, TEMPLATE, error=error, entries=entries)
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
