"""The pages that change and delete an entry, for whoever has its manage token.

The token comes from a form and stays in a cookie that only these pages of this entry see.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.dependencies import SettingsDep
from main_service.entries.dependencies import EntryChangerDep, EntryReaderDep, LifetimePolicyDep, ManageTokensDep
from main_service.entries.forms import lifetime_choices, parse, sentences
from main_service.entries.live_entry import LiveEntry
from main_service.entries.presentation import page_entry
from main_service.entries.schemas import EntryChangeIn
from main_service.errors import (
    AppError,
    FieldError,
    InvalidInputError,
    ManageTokenMissingError,
    ManageTokenWrongError,
)
from main_service.web.csrf import FIELD, CsrfForm, check_form
from main_service.web.form_body import read_form
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

COOKIE = "slipbin_manage"


class ManagePage:
    """The manage page of one entry, in the states that a request can bring it to."""

    def __init__(
        self,
        key: str,
        request: Request,
        reader: EntryReaderDep,
        tokens: ManageTokensDep,
        settings: SettingsDep,
        policy: LifetimePolicyDep,
    ) -> None:
        self.key = key
        self.request = request
        self.settings = settings
        self._reader = reader
        self._tokens = tokens
        self._policy = policy

    @property
    def token(self) -> str | None:
        """The manage token in the cookie."""
        return self.request.cookies.get(COOKIE)

    async def get_entry(self) -> LiveEntry:
        return await self._reader.get(self.key)

    def check(self, token: str | None) -> None:
        """Let pass whoever may manage the entry.

        Raises:
            ManageTokenMissingError, ManageTokenWrongError: the asker may not.
        """
        self._tokens.check(self.key, token)

    async def after(self, action: Callable[[dict[str, str]], Awaitable[Response]]) -> Response:
        """What `action` makes of the form, or the page again with what is wrong."""
        fields = await read_form(self.request)
        entry = await self.get_entry()
        try:
            self.check(self.token)
        except AppError as error:
            return self.show(error=error)
        try:
            check_form(self.request, fields.get(FIELD), self.settings)
            return await action(fields)
        except AppError as error:
            return self.show(entry=entry, error=error)

    def show(
        self, *, entry: LiveEntry | None = None, notice: str | None = None, error: AppError | None = None
    ) -> Response:
        """The page itself; without `entry` it asks for the token."""
        csrf = CsrfForm(self.request, self.settings)
        errors: dict[str, str] = {}
        if error is not None:
            errors = sentences(error.fields) or {"": error.message}
        response = render(
            self.request,
            "entries/manage.html",
            status=error.status if error else 200,
            entry_key=self.key,
            entry=entry and page_entry(entry, self.settings.public_url),
            errors=errors,
            notice=notice,
            lifetimes=lifetime_choices(self._policy),
            csrf_token=csrf.token,
        )
        if error is not None:
            response.headers.update(error.headers)
        return csrf.attach(response)


ManagePageDep = Annotated[ManagePage, Depends()]


@router.api_route("/{key}/manage", methods=["GET", "HEAD"])
async def manage(page: ManagePageDep) -> Response:
    entry = await page.get_entry()
    try:
        page.check(page.token)
    except ManageTokenMissingError:
        return page.show()
    except ManageTokenWrongError as error:
        return page.show(error=error)
    return page.show(entry=entry)


@router.post("/{key}/manage")
async def open_manage(page: ManagePageDep) -> Response:
    """Take the token from the form into the cookie."""
    fields = await read_form(page.request)
    await page.get_entry()
    token = fields.get("token", "").strip()
    try:
        check_form(page.request, fields.get(FIELD), page.settings)
        page.check(token)
    except AppError as error:
        return page.show(error=error)
    response = RedirectResponse(f"/{page.key}/manage", 303)
    response.set_cookie(
        COOKIE,
        token,
        path=f"/{page.key}/manage",
        httponly=True,
        samesite="lax",
        secure=page.settings.public_url.startswith("https://"),
    )
    return response


@router.post("/{key}/manage/expiry")
async def change_expiry(page: ManagePageDep, changer: EntryChangerDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        asked = parse(EntryChangeIn, {"lifetime": fields.get("lifetime", "")})
        if not asked.lifetime.is_given:
            raise InvalidInputError(fields=[FieldError("lifetime", "missing", "Choose how long it shall live.")])
        entry = await changer.change(page.key, asked.changes, manage_token=page.token)
        return page.show(entry=entry, notice="The new end is set.")

    return await page.after(change)


@router.post("/{key}/manage/delete")
async def delete(page: ManagePageDep, changer: EntryChangerDep) -> Response:
    async def end(fields: dict[str, str]) -> Response:
        if not fields.get("confirm"):
            raise InvalidInputError(fields=[FieldError("confirm", "missing", "Tick the box to confirm.")])
        kind = await changer.delete(page.key, manage_token=page.token)
        response = render(page.request, "entries/deleted.html", entry_key=page.key, kind=kind.value)
        response.delete_cookie(COOKIE, path=f"/{page.key}/manage")
        return response

    return await page.after(end)
