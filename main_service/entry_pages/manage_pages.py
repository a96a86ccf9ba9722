"""The pages on which an owner, or a guest with the manage token, manages an entry: expiry, claim, deletion.

The token comes from a form and stays in a cookie that only these pages of this entry see.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import PageAccountDep, SignedInPageDep
from main_service.dependencies import SettingsDep
from main_service.entries.aliases import is_key
from main_service.entries.dependencies import EntryFactoryDep
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.entries.models import Kind
from main_service.entries.permissions import Actor
from main_service.entries.schemas import EntryChangeIn
from main_service.entries.serializers import page_entry
from main_service.entry_pages.create_pages import EntryFormPage, entry_values, lifetime_choices
from main_service.entry_pages.manage_cookie import (
    AnyResponse,
    clear_manage_cookies,
    manage_token_of,
    set_manage_cookies,
)
from main_service.errors import AppError, EntryEndedError, FieldError, InvalidInputError, NotFoundError
from main_service.web.forms import (
    Form,
    FormDep,
    form_action,
    parse,
    redirect_after_form,
    redirect_to_page,
    require_confirmation,
)
from main_service.web.templating import render

NOTICES = {
    "expiry": "Expiry changed.",
    "claim": "It's yours now. The manage link no longer works.",
}
"""Messages of the page, by the value of `done` in its query."""
DELETED = "deleted"
"""In the query, with the kind of an entry that has just been deleted."""


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
        """The manage token in a cookie."""
        return manage_token_of(self.request, self.key)

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

    def show(self, *, entry: LiveEntry | None = None, error: AppError | None = None) -> Response:
        """The manage page; without `entry` it asks for the manage token."""
        return self.render(
            "entries/manage.html",
            error=error,
            entry_key=self.key,
            entry=entry and page_entry(entry, self.settings.public_url),
            may_claim=entry is not None and entry.owner_id is None and self.account_id is not None,
            is_guests=entry is not None and entry.owner_id is None,
            notice=NOTICES.get(self.done),
            lifetimes=lifetime_choices(self.entries.lifetimes.of(entry.owner_id if entry else None)),
        )

    def redirect(self, **query: str) -> RedirectResponse:
        """Redirect to the manage page, which says what came of a form. `query`: fields of its query."""
        return redirect_after_form(f"/{self.key}/manage", **query)

    def remember(self, response: AnyResponse, entry: LiveEntry, token: str | None) -> AnyResponse:
        """Let this browser manage the entry until that ends, if it is a guest's. `token`: the one that opens it."""
        if token is None or entry.owner_id is not None:
            return response
        return set_manage_cookies(response, entry, token, self.settings)


ManagePageDep = Annotated[ManagePage, Depends()]


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/{key}/manage")
@form_action
async def manage(page: ManagePageDep) -> Response:
    kind = page.request.query_params.get(DELETED)
    try:
        return page.show(entry=await page.get_managed())
    except EntryEndedError as error:
        if error.reason != "deleted" or kind not in list(Kind):
            raise
        return render(page.request, "entries/deleted.html", entry_key=page.key, kind=kind)


@router.post("/{key}/manage")
@form_action
async def open_manage(page: ManagePageDep, form: FormDep) -> Response:
    """Check the manage token of the form and put it into the cookies."""
    token = form.get("token", "").strip()
    entry = await page.get_entry()
    page.check(entry, token=token)
    return page.remember(RedirectResponse(f"/{page.key}/manage", 303), entry, token)


@router.post("/{key}/manage/expiry")
@form_action
async def change_expiry(page: ManagePageDep, form: FormDep) -> Response:
    await page.get_managed()
    asked = parse(EntryChangeIn, entry_values({"lifetime": form.get("lifetime", "")}))
    if not asked.lifetime.is_given:
        raise InvalidInputError(fields=[FieldError("lifetime", "missing", "Choose an expiry.")])
    entry = await page.entries.changes.update(page.key, asked.changes, page.actor)
    return page.remember(page.redirect(done="expiry"), entry, page.token)


@router.post("/{key}/manage/claim")
@form_action
async def claim(page: ManagePageDep, account: SignedInPageDep, _: FormDep) -> Response:
    account_id = account.id
    await page.get_managed()
    await page.entries.changes.claim(page.key, account_id, manage_token=page.token)
    return clear_manage_cookies(page.redirect(done="claim"), page.key, page.settings)


@router.post("/{key}/manage/delete")
@form_action
async def delete(page: ManagePageDep, form: FormDep) -> Response:
    await page.get_managed()
    require_confirmation(form)
    kind = await page.entries.changes.delete(page.key, page.actor)
    return clear_manage_cookies(page.redirect(deleted=kind.value), page.key, page.settings)


@router.post("/{key}/forget")
async def forget(key: str, settings: SettingsDep) -> Response:
    """End the cookies by which this browser may manage the entry, which may have ended or be no guest's."""
    if not is_key(key):
        raise NotFoundError
    return clear_manage_cookies(RedirectResponse("/", 303), key, settings)


redirect_to_page(
    router,
    "/{key}/manage",
    "/{key}/manage/expiry",
    "/{key}/manage/claim",
    "/{key}/manage/delete",
    "/{key}/forget",
)
