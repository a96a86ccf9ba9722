"""The pages on which an owner, or a guest with the manage token, manages an entry: expiry, claim, deletion.

The token comes from a form and stays in a cookie that only these pages of this entry see.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import PageAccountDep, SignedInPageDep
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError, NotOwnerError
from main_service.entries.permissions import Actor
from main_service.entries.schemas import EntryChangeIn
from main_service.entries.serializers import page_entry
from main_service.entry_pages.create_pages import lifetime_choices, parse, sentences
from main_service.errors import AppError, FieldError, InvalidInputError, SignInRequiredError
from main_service.web.form_body import read_form
from main_service.web.templating import render

COOKIE = "slipbin_manage"


class ManagePage:
    """The manage page of an entry, for one request."""

    def __init__(
        self,
        key: str,
        request: Request,
        account: PageAccountDep,
        entries: EntryFactoryDep,
    ) -> None:
        self.key = key
        self.request = request
        self.settings = entries.settings
        self.account_id = account.id if account else None
        self.entries = entries

    @property
    def token(self) -> str | None:
        """The manage token in the cookie."""
        return self.request.cookies.get(COOKIE)

    @property
    def actor(self) -> Actor:
        return Actor(account_id=self.account_id, manage_token=self.token)

    async def get_entry(self) -> LiveEntry:
        """Raises:
        NotFoundError, TooManyUnknownKeysError, EntryEndedError: there is no such entry for the actor, or not any more.
        """
        return await self.entries.reader.get(self.key, self.actor)

    def check(self, entry: LiveEntry, *, token: str | None) -> None:
        """Check that the actor, with this manage token, may manage the entry.

        Raises:
            ManageTokenMissingError, ManageTokenWrongError, SignInRequiredError, NotOwnerError: the actor may not.
        """
        self.entries.entry_policy.require_may_manage(entry, Actor(account_id=self.account_id, manage_token=token))

    async def managed(self, show: Callable[[LiveEntry], Awaitable[Response]]) -> Response:
        """The response of `show`, or the page that asks for the manage token."""
        entry = await self.get_entry()
        try:
            self.check(entry, token=self.token)
        except ManageTokenMissingError as error:
            return self.show(error=error if self.request.method == "POST" else None)
        except ManageTokenWrongError as error:
            return self.show(error=error)
        return await show(entry)

    async def after(
        self,
        action: Callable[[dict[str, str]], Awaitable[Response]],
        again: Callable[[LiveEntry, AppError, dict[str, str]], Awaitable[Response]] | None = None,
    ) -> Response:
        """The response of `action` to the form. On an error, that of `again`, or the manage page with the message."""
        fields = await read_form(self.request)

        async def act(entry: LiveEntry) -> Response:
            try:
                return await action(fields)
            except AppError as error:
                if again is not None:
                    return await again(entry, error, fields)
                return self.show(entry=entry, error=error)

        return await self.managed(act)

    def show(
        self, *, entry: LiveEntry | None = None, notice: str | None = None, error: AppError | None = None
    ) -> Response:
        """The manage page; without `entry` it asks for the manage token."""
        response = render(
            self.request,
            "entries/manage.html",
            status=error.status if error else 200,
            entry_key=self.key,
            entry=entry and page_entry(entry, self.settings.public_url),
            may_claim=entry is not None and entry.owner_id is None and self.account_id is not None,
            errors=sentences(error),
            notice=notice,
            lifetimes=lifetime_choices(self.entries.lifetimes.of(entry.owner_id if entry else None)),
        )
        if error is not None:
            response.headers.update(error.headers)
        return response


ManagePageDep = Annotated[ManagePage, Depends()]


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/{key}/manage")
async def manage(page: ManagePageDep) -> Response:
    async def show(entry: LiveEntry) -> Response:
        return page.show(entry=entry)

    return await page.managed(show)


@router.post("/{key}/manage")
async def open_manage(page: ManagePageDep) -> Response:
    """Check the manage token of the form and put it into the cookie."""
    fields = await read_form(page.request)
    entry = await page.get_entry()
    token = fields.get("token", "").strip()
    try:
        page.check(entry, token=token)
    except (SignInRequiredError, NotOwnerError):
        raise
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
async def change_expiry(page: ManagePageDep) -> Response:
    async def change(fields: dict[str, str]) -> Response:
        asked = parse(EntryChangeIn, {"lifetime": fields.get("lifetime", "")})
        if not asked.lifetime.is_given:
            raise InvalidInputError(fields=[FieldError("lifetime", "missing", "Choose an expiry.")])
        entry = await page.entries.changes.update(page.key, asked.changes, page.actor)
        return page.show(entry=entry, notice="Expiry changed.")

    return await page.after(change)


@router.post("/{key}/manage/claim")
async def claim(page: ManagePageDep, account: SignedInPageDep) -> Response:
    account_id = account.id

    async def take(_: dict[str, str]) -> Response:
        entry = await page.entries.changes.claim(page.key, account_id, manage_token=page.token)
        response = page.show(entry=entry, notice="It's yours now. The manage link no longer works.")
        response.delete_cookie(COOKIE, path=f"/{page.key}/manage")
        return response

    return await page.after(take)


@router.post("/{key}/manage/delete")
async def delete(page: ManagePageDep) -> Response:
    async def end(fields: dict[str, str]) -> Response:
        if not fields.get("confirm"):
            raise InvalidInputError(fields=[FieldError("confirm", "missing", "Tick the box to confirm.")])
        kind = await page.entries.changes.delete(page.key, page.actor)
        response = render(page.request, "entries/deleted.html", entry_key=page.key, kind=kind.value)
        response.delete_cookie(COOKIE, path=f"/{page.key}/manage")
        return response

    return await page.after(end)
