"""The page of a user's entries, in the states that a request can bring it to."""

from typing import Annotated

from fastapi import Depends, Request, Response

from main_service.accounts.forms import sentences
from main_service.accounts.page_users import SignedInPageDep
from main_service.dependencies import SettingsDep
from main_service.errors import AppError, InvalidInputError, NotFoundError
from main_service.profile.dependencies import EntryListerDep
from main_service.profile.filters import Filters, Sort
from main_service.profile.listing import Listed
from main_service.profile.owned_entry import OwnedEntry
from main_service.profile.page_query import ADDRESS, SORTS, PageQuery
from main_service.profile.schemas import MAX_Q_LENGTH
from main_service.web.csrf import CsrfForm
from main_service.web.templating import render


class ProfilePage:
    def __init__(
        self, request: Request, account: SignedInPageDep, lister: EntryListerDep, settings: SettingsDep
    ) -> None:
        self.request = request
        self.account_id = account.id
        self.settings = settings
        self._lister = lister

    async def show(self, query: PageQuery, *, notice: str | None = None, error: AppError | None = None) -> Response:
        """The entries that are asked for; what is wrong with the query is said in their place."""
        collections = await self._lister.list_collections(self.account_id)
        listed = Listed(entries=[], next_cursor=None)
        can_list = True
        try:
            asked = query.listing
            listed = await self._lister.list_page(
                self.account_id, asked.filters, sort=asked.sort, cursor=asked.cursor, limit=asked.limit
            )
        except (InvalidInputError, NotFoundError) as wrong:
            error, can_list = error or wrong, False
        csrf = CsrfForm(self.request, self.settings)
        response = render(
            self.request,
            "profile/entries.html",
            status=error.status if error else 200,
            errors=_errors(error),
            notice=notice,
            query=query,
            can_list=can_list,
            entries=listed.entries,
            has_any=bool(listed.entries) or query.is_filtered or await self._has_any(),
            next_address=listed.next_cursor and query.address(listed.next_cursor),
            first_address=query.address() if query.cursor else None,
            clear_address=ADDRESS,
            collections=[(str(collection_id), name) for collection_id, name in collections],
            sorts=SORTS,
            max_q_length=MAX_Q_LENGTH,
            host=self.settings.public_url.partition("://")[2],
            csrf_token=csrf.token,
        )
        if error is not None:
            response.headers.update(error.headers)
        return csrf.attach(response)

    async def ask_whether_to_delete(self, entries: list[OwnedEntry], query: PageQuery) -> Response:
        csrf = CsrfForm(self.request, self.settings)
        return csrf.attach(
            render(
                self.request,
                "profile/delete_entries.html",
                entries=entries,
                view=query.written,
                back_address=query.address(query.cursor),
                csrf_token=csrf.token,
            )
        )

    async def list_live(self, keys: list[str]) -> list[OwnedEntry]:
        """Those of the entries that are the user's and live."""
        return await self._lister.list_live(self.account_id, keys)

    async def _has_any(self) -> bool:
        """Whether the user has an entry at all, live or ended."""
        listed = await self._lister.list_page(self.account_id, Filters(), sort=Sort.CREATED_LAST, limit=1)
        return bool(listed.entries)


def _errors(error: AppError | None) -> dict[str, str]:
    """By the form's field. Who clicked on a page knows nothing of cursors."""
    errors = sentences(error)
    if "cursor" in errors:
        return {"": "This part of the list can't be shown; begin at the first."}
    return errors


ProfilePageDep = Annotated[ProfilePage, Depends()]
