"""The manage page of one entry: for its owner, or for a guest's entry whoever has its manage token.

The token comes from a form and stays in a cookie that only these pages of this entry see.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Response

from main_service.accounts.page_users import PageAccountDep
from main_service.dependencies import SettingsDep
from main_service.entries.dependencies import EntryReaderDep, LifetimePoliciesDep, RightsDep
from main_service.entries.forms import lifetime_choices, sentences
from main_service.entries.live_entry import LiveEntry
from main_service.entries.presentation import page_entry
from main_service.entries.rights import Asker
from main_service.errors import AppError, ManageTokenMissingError, ManageTokenWrongError
from main_service.web.csrf import FIELD, CsrfForm, check_form
from main_service.web.form_body import read_form
from main_service.web.templating import render

COOKIE = "slipbin_manage"


class ManagePage:
    """In the states that a request can bring it to."""

    def __init__(
        self,
        key: str,
        request: Request,
        account: PageAccountDep,
        reader: EntryReaderDep,
        rights: RightsDep,
        settings: SettingsDep,
        policies: LifetimePoliciesDep,
    ) -> None:
        self.key = key
        self.request = request
        self.settings = settings
        self.account_id = account.id if account else None
        self._reader = reader
        self._rights = rights
        self._policies = policies

    @property
    def token(self) -> str | None:
        """The manage token in the cookie."""
        return self.request.cookies.get(COOKIE)

    @property
    def asker(self) -> Asker:
        return Asker(account_id=self.account_id, manage_token=self.token)

    async def get_entry(self) -> LiveEntry:
        """Raises:
        NotFoundError, EntryEndedError: as the reader.
        """
        return await self._reader.get(self.key, self.asker)

    def check(self, entry: LiveEntry, *, token: str | None) -> None:
        """Let pass whoever may manage the entry.

        Raises:
            ManageTokenMissingError, ManageTokenWrongError, SignInRequiredError, NotOwnerError: the asker may not.
        """
        self._rights.require_manager(entry, Asker(account_id=self.account_id, manage_token=token))

    async def managed(self, show: Callable[[LiveEntry], Awaitable[Response]]) -> Response:
        """What `show` makes of the entry, or the page that asks for the token."""
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
        """What `action` makes of the form, or the page (or what `again` makes of it) with what is wrong."""
        fields = await read_form(self.request)

        async def act(entry: LiveEntry) -> Response:
            try:
                check_form(self.request, fields.get(FIELD), self.settings)
                return await action(fields)
            except AppError as error:
                if again is not None:
                    return await again(entry, error, fields)
                return self.show(entry=entry, error=error)

        return await self.managed(act)

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
            may_claim=entry is not None and entry.owner_id is None and self.account_id is not None,
            errors=errors,
            notice=notice,
            lifetimes=lifetime_choices(self._policies.of(entry.owner_id if entry else None)),
            csrf_token=csrf.token,
        )
        if error is not None:
            response.headers.update(error.headers)
        return csrf.attach(response)


ManagePageDep = Annotated[ManagePage, Depends()]
