"""The pages of a user's own entries: search and filters in the query string, bulk deletion, export."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import SignedInPageDep
from main_service.dependencies import SettingsDep
from main_service.entries.aliases import is_key
from main_service.entries.dependencies import EntryFactoryDep
from main_service.errors import AppError, FieldError, InvalidInputError, NotFoundError, UnavailableError
from main_service.my_entries.dependencies import ExportCountedDep, MyEntriesFactoryDep
from main_service.my_entries.filters import Filters, OwnedEntry, Sort
from main_service.my_entries.list_query import DELETED, PAGE_PATH, SOON, SORTS, STATES, ListQuery
from main_service.my_entries.serializers import ExportFormat, archive_response, export_response
from main_service.my_entries.service import RECENT_DAYS, Listing
from main_service.my_entries.sparklines import HEIGHT, draw_sparkline, sparkline_width
from main_service.web.forms import Form, FormPage, ListFormDep, form_action, redirect_to_page
from main_service.web.templating import render

_COUNT = re.compile(r"0|[1-9][0-9]{0,3}")


class MyEntriesPage(FormPage):
    """The page of a user's own entries, for one request."""

    template = "my_entries/entries.html"
    not_shown_again = (UnavailableError,)

    def __init__(
        self, request: Request, account: SignedInPageDep, factory: MyEntriesFactoryDep, settings: SettingsDep
    ) -> None:
        super().__init__(request)
        self.account_id = account.id
        self.settings = settings
        self._lister = factory.lister

    async def show_again(self, error: AppError, form: Form) -> Response:
        return await self.show(ListQuery.read(form.get("view", "")), error=error)

    def errors_by_field(self, error: AppError) -> dict[str, str]:
        errors = super().errors_by_field(error)
        if "cursor" in errors:
            # A message for people, who don't know cursors.
            return {"": "This page of the list no longer exists. Start from the first."}
        return errors

    async def show(self, query: ListQuery, *, notice: str | None = None, error: AppError | None = None) -> Response:
        """The list of entries that `query` asks for; if the query is invalid, the error takes the place of the list."""
        collections = await self._lister.list_collections(self.account_id)
        listed = Listing(entries=[], next_cursor=None)
        can_list = True
        now = datetime.now(UTC)
        try:
            asked = query.listing
            filters = query.filters(asked, now, self.settings.public_url)
            listed = await self._lister.list_page(
                self.account_id, filters, sort=asked.sort, cursor=asked.cursor, limit=asked.limit
            )
        except (InvalidInputError, NotFoundError) as wrong:
            error, can_list = error or wrong, False
        return self.render(
            error=error,
            notice=notice,
            query=query,
            can_list=can_list,
            entries=listed.entries,
            has_any=bool(listed.entries) or query.is_filtered or await self._has_any(),
            recent_visits=await self._recent_visits(listed.entries),
            recent_days=RECENT_DAYS,
            sparkline_size=(sparkline_width(RECENT_DAYS), HEIGHT),
            next_address=listed.next_cursor and query.path(listed.next_cursor),
            first_address=query.path() if query.cursor else None,
            clear_address=PAGE_PATH,
            collections=[(str(collection_id), name) for collection_id, name in collections],
            soon_at=now + SOON,
            states=STATES,
            sorts=SORTS,
            host=self.settings.public_url.partition("://")[2],
        )

    def confirm_deletion(self, entries: list[OwnedEntry], query: ListQuery) -> Response:
        return render(
            self.request,
            "my_entries/delete_entries.html",
            entries=entries,
            view=query.query_string,
            back_address=query.path(query.cursor),
        )

    async def list_live(self, keys: list[str]) -> list[OwnedEntry]:
        """Which of the entries belong to the user and are live."""
        return await self._lister.list_live(self.account_id, keys)

    async def _recent_visits(self, entries: list[OwnedEntry]) -> dict[str, tuple[int, str]]:
        """How many visits entries had lately, and the path of their sparkline, by key."""
        counts = await self._lister.count_recent_visits(entries)
        return {key: (sum(by_day), draw_sparkline(by_day)) for key, by_day in counts.items()}

    async def _has_any(self) -> bool:
        """Whether the user has an entry at all, live or ended."""
        listed = await self._lister.list_page(self.account_id, Filters(), sort=Sort.CREATED_LAST, limit=1)
        return bool(listed.entries)


MyEntriesPageDep = Annotated[MyEntriesPage, Depends()]


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get(PAGE_PATH)
async def show_list(page: MyEntriesPageDep) -> Response:
    params = page.request.query_params
    return await page.show(ListQuery.of(params), notice=_deleted(params.get(DELETED, "")))


redirect_to_page(router, PAGE_PATH, f"{PAGE_PATH}/delete")


@router.post(f"{PAGE_PATH}/delete")
@form_action
async def delete(page: MyEntriesPageDep, form: ListFormDep, entries: EntryFactoryDep) -> Response:
    """Deletes entries after a confirmation. The field `view` is the query string of the list, to show it again."""
    query = ListQuery.read(form.get("view", ""))
    keys = [key for key in form.get("keys", "").split("\n") if is_key(key)]
    if not keys:
        raise InvalidInputError(fields=[FieldError("keys", "missing", "Select the entries to delete first.")])
    if "confirm" in form:
        count = len(await entries.changes.delete_many(keys, page.account_id))
        return RedirectResponse(query.path(query.cursor, deleted=count), 303)
    live = await page.list_live(keys)
    if not live:
        return RedirectResponse(query.path(query.cursor, deleted=0), 303)
    return page.confirm_deletion(live, query)


@router.get(f"{PAGE_PATH}/export.jsonl")
async def export_json_lines(page: MyEntriesPageDep, _: ExportCountedDep, factory: MyEntriesFactoryDep) -> Response:
    return await export_response(
        factory.exporter, page.account_id, ExportFormat.JSON_LINES, public_url=factory.public_url
    )


@router.get(f"{PAGE_PATH}/export.csv")
async def export_csv(page: MyEntriesPageDep, _: ExportCountedDep, factory: MyEntriesFactoryDep) -> Response:
    return await export_response(factory.exporter, page.account_id, ExportFormat.CSV, public_url=factory.public_url)


@router.get(f"{PAGE_PATH}/export.zip")
async def export_all(page: MyEntriesPageDep, _: ExportCountedDep, factory: MyEntriesFactoryDep) -> Response:
    return await archive_response(factory.archive, page.account_id, is_read=page.request.method != "HEAD")


def _deleted(count: str) -> str | None:
    """What the page says about a deletion that led to it; None: it followed none."""
    if not _COUNT.fullmatch(count):
        return None
    if count == "0":
        return "Nothing was deleted: the selected slips have already ended."
    return "1 slip deleted." if count == "1" else f"{count} slips deleted."
