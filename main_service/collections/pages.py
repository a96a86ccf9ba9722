"""Pages on which users keep their collections, and parsing of the keys and links that they enter there."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import SignedInPageDep
from main_service.collections.dependencies import CollectionFactoryDep, PositionDep
from main_service.collections.schemas import DEFAULT_PAGE_SIZE, CollectionIn
from main_service.collections.serializers import collection_items, shared_url
from main_service.entries.permissions import Actor
from main_service.entries.schemas import MAX_MANY
from main_service.errors import AppError, FieldError, InvalidInputError, NotFoundError, UnavailableError
from main_service.web.cursors import write_time_cursor
from main_service.web.forms import (
    Form,
    FormPage,
    ListFormDep,
    form_action,
    parse,
    redirect_after_form,
    redirect_to_page,
    require_confirmation,
)

_NOTICES = {
    "renamed": "Renamed.",
    "shared": "Shared.",
    "not-shared": "No longer shared. The link has stopped working.",
    "removed": "Removed from this collection.",
}
"""Messages of the page, by the value of `done` in its query."""
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


class CollectionPage(FormPage):
    """The page of all of a user's collections, or of the one that the path names, for one request."""

    not_shown_again = (NotFoundError, UnavailableError)

    def __init__(
        self,
        request: Request,
        account: SignedInPageDep,
        factory: CollectionFactoryDep,
        position: PositionDep,
    ) -> None:
        super().__init__(request)
        self.collections = factory.collections
        self.public_url = factory.public_url
        self._position = position
        self.owner_id = account.id

    async def show_again(self, error: AppError, form: Form) -> Response:
        collection_id = self.request.path_params.get("collection_id")
        if collection_id is None:
            return await self.show_all(error=error, form=form)
        return await self.show(collection_id, error=error, form=form)

    async def show_all(self, *, error: AppError | None = None, form: Form | None = None) -> Response:
        """The page of all collections. `form`: what was typed."""
        return self.render(
            "collections/list.html",
            error=error,
            collections=await self.collections.list(self.owner_id),
            form={"name": ""} | (form or {}),
        )

    async def show(
        self,
        collection_id: UUID,
        *,
        notice: str | None = None,
        error: AppError | None = None,
        form: Form | None = None,
    ) -> Response:
        """The page of one collection. `form`: what was typed."""
        collection = await self.collections.get(self.owner_id, collection_id)
        page = await self.collections.list_entries(
            self.owner_id, collection_id, after=self._position, limit=DEFAULT_PAGE_SIZE
        )
        return self.render(
            "collections/collection.html",
            error=error,
            notice=notice or self._notice(),
            collection=collection,
            shared_url=collection.shared_key and shared_url(self.public_url, collection.shared_key),
            items=collection_items(page, self.public_url, Actor(account_id=self.owner_id)),
            cursor=self._position and write_time_cursor(self._position),
            next_cursor=page.next_cursor,
            form={"name": collection.name, "keys": ""} | (form or {}),
        )

    def redirect(self, collection_id: UUID, done: str, **query: str) -> Response:
        """Redirect to the same page of the collection, which says what is done."""
        if self._position is not None:
            query["cursor"] = write_time_cursor(self._position)
        return redirect_after_form(f"/collections/{collection_id}", done=done, **query)

    def _notice(self) -> str | None:
        """What the form that led here has done."""
        if self.done == "added":
            count = self.request.query_params.get("count", "")
            return _added(int(count)) if _COUNT.fullmatch(count) else None
        return _NOTICES.get(self.done)

    async def add(self, collection_id: UUID, text: str) -> Response:
        """Add the entries that the text names; what can't be added is typed into the page again.

        Raises:
            InvalidInputError: the text names none, or too many.
        """
        keys = list(dict.fromkeys(parse_keys(text, self.public_url)))
        if not keys:
            raise InvalidInputError(fields=[FieldError("keys", "missing", "Enter the link or key of an entry.")])
        if len(keys) > MAX_MANY:
            raise InvalidInputError(fields=[FieldError("keys", "too_many", f"Give at most {MAX_MANY:,} at once.")])
        added = set(await self.collections.add_many(self.owner_id, collection_id, keys))
        if len(added) == len(keys):
            return self.redirect(collection_id, "added", count=str(len(added)))
        sentence = "The links below couldn't be added: they don't exist, have ended, or are private."
        return await self.show(
            collection_id,
            notice=_added(len(added)) if added else None,
            error=InvalidInputError(fields=[FieldError("keys", "not_added", sentence)]),
            form={"keys": "\n".join(key for key in keys if key not in added)},
        )


def _added(count: int) -> str:
    return f"{count:,} entries added." if count != 1 else "1 entry added."


CollectionPageDep = Annotated[CollectionPage, Depends()]


def parse_keys(text: str, public_url: str) -> list[str]:
    """The keys in a text of keys and links of this service, separated by white space or commas.

    A word that is neither is returned as it is.
    """
    host = re.escape(public_url.partition("://")[2])
    own_address = re.compile(rf"(?:https?://)?{host}/([^/+?#]+)", re.IGNORECASE)
    words = [word for word in re.split(r"[\s,]+", text) if word]
    return [found[1] if (found := own_address.match(word)) else word for word in words]


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/collections")
async def show_all(page: CollectionPageDep) -> Response:
    return await page.show_all()


@router.post("/collections")
@form_action
async def create(page: CollectionPageDep, form: ListFormDep) -> Response:
    asked = parse(CollectionIn, {"name": form.get("name", "")})
    collection = await page.collections.create(page.owner_id, asked.name)
    return RedirectResponse(f"/collections/{collection.id}", 303)


@router.post("/collections/add")
async def add_selected(page: CollectionPageDep, form: ListFormDep) -> Response:
    """Add entries of the user's list. `collection`: its id; `keys`: as on the page of a collection, or one each."""
    try:
        collection_id = UUID(form.get("collection", ""))
    except ValueError as error:
        raise InvalidInputError("Choose a collection first.") from error
    return await page.add(collection_id, form.get("keys", ""))


redirect_to_page(router, "/collections", "/collections/add")


@router.get("/collections/{collection_id:uuid}")
async def show(collection_id: UUID, page: CollectionPageDep) -> Response:
    return await page.show(collection_id)


redirect_to_page(
    router,
    "/collections/{collection_id}",
    *(f"/collections/{{collection_id:uuid}}/{form}" for form in ("name", "sharing", "entries", "remove", "delete")),
)


@router.post("/collections/{collection_id:uuid}/name")
@form_action
async def rename(collection_id: UUID, page: CollectionPageDep, form: ListFormDep) -> Response:
    asked = parse(CollectionIn, {"name": form.get("name", "")})
    await page.collections.change(page.owner_id, collection_id, name=asked.name, is_shared=None)
    return page.redirect(collection_id, "renamed")


@router.post("/collections/{collection_id:uuid}/sharing")
@form_action
async def share(collection_id: UUID, page: CollectionPageDep, form: ListFormDep) -> Response:
    is_shared = form.get("is_shared") == "yes"
    await page.collections.change(page.owner_id, collection_id, name=None, is_shared=is_shared)
    return page.redirect(collection_id, "shared" if is_shared else "not-shared")


@router.post("/collections/{collection_id:uuid}/entries")
@form_action
async def add_named(collection_id: UUID, page: CollectionPageDep, form: ListFormDep) -> Response:
    return await page.add(collection_id, form.get("keys", ""))


@router.post("/collections/{collection_id:uuid}/remove")
@form_action
async def remove(collection_id: UUID, page: CollectionPageDep, form: ListFormDep) -> Response:
    await page.collections.remove(page.owner_id, collection_id, form.get("key", ""))
    return page.redirect(collection_id, "removed")


@router.post("/collections/{collection_id:uuid}/delete")
@form_action
async def delete(collection_id: UUID, page: CollectionPageDep, form: ListFormDep) -> Response:
    require_confirmation(form)
    await page.collections.delete(page.owner_id, collection_id)
    return RedirectResponse("/collections", 303)
