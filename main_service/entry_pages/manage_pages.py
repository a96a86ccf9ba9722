"""The pages on which an owner, or a guest with the manage token, manages an entry: expiry, claim, deletion.

The token comes from a form and stays in a cookie that only these pages of this entry see.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import PageAccountDep, SignedInPageDep
from main_service.compression.our_cookies import MANAGE_COOKIE
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.entries.permissions import Actor
from main_service.entries.schemas import EntryChangeIn
from main_service.entries.serializers import page_entry
from main_service.entry_pages.create_pages import EntryFormPage, entry_values, lifetime_choices
from main_service.errors import AppError, FieldError, InvalidInputError
from main_service.web.forms import Form, FormDep, form_action, parse, require_confirmation
from main_service.web.templating import render


class ManagePage(EntryFormPage):
    """The manage page of an entry, for one request."""

    def __init__(
        self,
        key: str,
        request: Request,
        account: PageAccountDep,
        entries: EntryFactoryDep,
    ) -> None:
        self.key = key
        super().__init__(request)
        self.settings = entries.settings
        self.account_id = account.id if account else None
        self.entries = entries
        self.entry: LiveEntry | None = None
        """The entry, once it is known that the actor may manage it."""

    @property
    def token(self) -> str | None:
        """The manage token in the cookie."""
        return self.request.cookies.get(MANAGE_COOKIE)

    @property
    def actor(self) -> Actor:
        return Actor(account_id=self.account_id, manage_token=self.token)

    async def get_entry(self) -> LiveEntry:
        """The entry of the page, for an actor who may see it.

        Raises:
            NotFoundError, TooManyUnknownKeysError: there is no such entry for the actor.
            EntryEndedError: it has ended.
        """
        return await self.entries.reader.get(self.key, self.actor)

    def check(self, entry: LiveEntry, *, token: str | None) -> None:
        """Check that the actor, with this manage token, may manage the entry.

        Raises:
            ManageTokenMissingError, ManageTokenWrongError, SignInRequiredError, NotOwnerError: the actor may not.
        """
        self.entries.entry_policy.require_may_manage(entry, Actor(account_id=self.account_id, manage_token=token))

    async def get_managed(self) -> LiveEntry:
        """The entry, for an actor who may manage it.

        Raises:
            NotFoundError, TooManyUnknownKeysError: there is no such entry for the actor.
            EntryEndedError: it has ended.
            ManageTokenMissingError, ManageTokenWrongError, SignInRequiredError, NotOwnerError: the actor may not.
        """
        entry = await self.get_entry()
        self.check(entry, token=self.token)
        self.entry = entry
        return entry

    async def show_again(self, error: AppError, form: Form) -> Response:
        if self.entry is not None:
            return await self.show_managed(self.entry, error, form)
        if isinstance(error, ManageTokenMissingError) and self.request.method != "POST":
            return self.show()
        if isinstance(error, ManageTokenMissingError | ManageTokenWrongError):
            return self.show(error=error)
        raise error

    async def show_managed(self, entry: LiveEntry, error: AppError, form: Form) -> Response:  # noqa: ARG002 (the edit page shows it)
        """The page of an entry that the actor may manage, with error messages. `form`: what was typed."""
        return self.show(entry=entry, error=error)

    def show(
        self, *, entry: LiveEntry | None = None, notice: str | None = None, error: AppError | None = None
    ) -> Response:
        """The manage page; without `entry` it asks for the manage token."""
        return self.render(
            "entries/manage.html",
            error=error,
            entry_key=self.key,
            entry=entry and page_entry(entry, self.settings.public_url),
            may_claim=entry is not None and entry.owner_id is None and self.account_id is not None,
            notice=notice,
            lifetimes=lifetime_choices(self.entries.lifetimes.of(entry.owner_id if entry else None)),
        )


ManagePageDep = Annotated[ManagePage, Depends()]


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/{key}/manage")
@form_action
async def manage(page: ManagePageDep) -> Response:
    return page.show(entry=await page.get_managed())


@router.post("/{key}/manage")
@form_action
async def open_manage(page: ManagePageDep, form: FormDep) -> Response:
    """Check the manage token of the form and put it into the cookie."""
    token = form.get("token", "").strip()
    page.check(await page.get_entry(), token=token)
    response = RedirectResponse(f"/{page.key}/manage", 303)
    response.set_cookie(
        MANAGE_COOKIE,
        token,
        path=f"/{page.key}/manage",
        httponly=True,
        samesite="lax",
        secure=page.settings.public_url.startswith("https://"),
    )
    return response


@router.post("/{key}/manage/expiry")
@form_action
async def change_expiry(page: ManagePageDep, form: FormDep) -> Response:
    await page.get_managed()
    asked = parse(EntryChangeIn, entry_values({"lifetime": form.get("lifetime", "")}))
    if not asked.lifetime.is_given:
        raise InvalidInputError(fields=[FieldError("lifetime", "missing", "Choose an expiry.")])
    entry = await page.entries.changes.update(page.key, asked.changes, page.actor)
    return page.show(entry=entry, notice="Expiry changed.")


@router.post("/{key}/manage/claim")
@form_action
async def claim(page: ManagePageDep, account: SignedInPageDep, _: FormDep) -> Response:
    account_id = account.id
    await page.get_managed()
    entry = await page.entries.changes.claim(page.key, account_id, manage_token=page.token)
    response = page.show(entry=entry, notice="It's yours now. The manage link no longer works.")
    response.delete_cookie(MANAGE_COOKIE, path=f"/{page.key}/manage")
    return response


@router.post("/{key}/manage/delete")
@form_action
async def delete(page: ManagePageDep, form: FormDep) -> Response:
    await page.get_managed()
    require_confirmation(form)
    kind = await page.entries.changes.delete(page.key, page.actor)
    response = render(page.request, "entries/deleted.html", entry_key=page.key, kind=kind.value)
    response.delete_cookie(MANAGE_COOKIE, path=f"/{page.key}/manage")
    return response
