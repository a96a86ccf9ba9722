"""Pages on which users keep their collections, and parsing of the keys and links that they enter there."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import SignedInPageDep
from main_service.collections.dependencies import CollectionFactoryDep, PositionDep
from main_service.collections.factory import CollectionFactory
from main_service.collections.schemas import DEFAULT_PAGE_SIZE, CollectionIn
from main_service.collections.serializers import collection_items, shared_url
from main_service.entries.permissions import Actor
from main_service.entries.schemas import MAX_MANY
from main_service.errors import AppError, FieldError, InvalidInputError, NotFoundError, UnavailableError
from main_service.web.cursors import write_time_cursor
from main_service.web.form_body import read_form_lists
from main_service.web.forms import form_page, parse

Fields = dict[str, str]


class CollectionPages:
    def __init__(
        self,
        request: Request,
        account: SignedInPageDep,
        factory: CollectionFactoryDep,
        position: PositionDep,
    ) -> None:
        self._request = request
        self._collections = factory.collections
        self._public_url = factory.public_url
        self._position = position
        self.owner_id = account.id

    async def after(
        self,
        action: Callable[[Fields], Awaitable[Response]],
        again: Callable[[AppError, Fields], Awaitable[Response]],
    ) -> Response:
        """Answer what `action` makes of the form, or what `again` makes of it and of the error.

        The values of several fields of one name come as one value, with line ends between.
        """
        fields = {name: "\n".join(values) for name, values in (await read_form_lists(self._request)).items()}
        try:
            return await action(fields)
        except (NotFoundError, UnavailableError):
            # There is no page to show again.
            raise
        except AppError as error:
            return await again(error, fields)

    async def show_all(self, *, error: AppError | None = None, kept: Mapping[str, str] | None = None) -> Response:
        """The page of all collections. `kept`: what was typed into the form."""
        return form_page(
            self._request,
            "collections/list.html",
            error=error,
            collections=await self._collections.list(self.owner_id),
            form={"name": ""} | dict(kept or {}),
        )

    async def show(
        self,
        collection_id: UUID,
        *,
        notice: str | None = None,
        error: AppError | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> Response:
        """The page of a collection. `kept`: what was typed into its forms."""
        collection = await self._collections.get(self.owner_id, collection_id)
        page = await self._collections.list_entries(
            self.owner_id, collection_id, after=self._position, limit=DEFAULT_PAGE_SIZE
        )
        return form_page(
            self._request,
            "collections/collection.html",
            error=error,
            notice=notice,
            collection=collection,
            shared_url=collection.shared_key and shared_url(self._public_url, collection.shared_key),
            items=collection_items(page, self._public_url, Actor(account_id=self.owner_id)),
            cursor=self._position and write_time_cursor(self._position),
            next_cursor=page.next_cursor,
            form={"name": collection.name, "keys": ""} | dict(kept or {}),
        )

    @staticmethod
    def redirect_to(collection_id: UUID) -> Response:
        return RedirectResponse(f"/collections/{collection_id}", 303)


CollectionPagesDep = Annotated[CollectionPages, Depends()]


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
async def show_all(pages: CollectionPagesDep) -> Response:
    return await pages.show_all()


@router.post("/collections")
async def create(pages: CollectionPagesDep, factory: CollectionFactoryDep) -> Response:
    async def make(fields: Fields) -> Response:
        asked = parse(CollectionIn, name=fields.get("name", ""))
        return pages.redirect_to((await factory.collections.create(pages.owner_id, asked.name)).id)

    async def again(error: AppError, fields: Fields) -> Response:
        return await pages.show_all(error=error, kept={"name": fields.get("name", "")})

    return await pages.after(make, again)


@router.post("/collections/add")
async def add_selected(pages: CollectionPagesDep, factory: CollectionFactoryDep) -> Response:
    """Adds entries chosen in the list of own entries (fields `keys`) to a collection (field `collection`: its id)."""

    async def add(fields: Fields) -> Response:
        try:
            collection_id = UUID(fields.get("collection", ""))
        except ValueError as error:
            raise InvalidInputError("Choose a collection first.") from error
        return await _add(fields, collection_id, pages=pages, factory=factory)

    async def refuse(error: AppError, _: Fields) -> Response:
        raise error

    return await pages.after(add, refuse)


@router.get("/collections/add")
async def redirect_to_list() -> Response:
    """Redirects a browser that opens the URL of a form."""
    return RedirectResponse("/collections", 303)


@router.get("/collections/{collection_id:uuid}")
async def show(collection_id: UUID, pages: CollectionPagesDep) -> Response:
    return await pages.show(collection_id)


@router.get("/collections/{collection_id:uuid}/name")
@router.get("/collections/{collection_id:uuid}/sharing")
@router.get("/collections/{collection_id:uuid}/entries")
@router.get("/collections/{collection_id:uuid}/remove")
@router.get("/collections/{collection_id:uuid}/delete")
async def redirect_to_collection(collection_id: UUID) -> Response:
    """Redirects a browser that opens the URL of a form."""
    return CollectionPages.redirect_to(collection_id)


@router.post("/collections/{collection_id:uuid}/name")
async def rename(collection_id: UUID, pages: CollectionPagesDep, factory: CollectionFactoryDep) -> Response:
    async def change(fields: Fields) -> Response:
        asked = parse(CollectionIn, name=fields.get("name", ""))
        await factory.collections.change(pages.owner_id, collection_id, name=asked.name, is_shared=None)
        return await pages.show(collection_id, notice="Renamed.")

    async def again(error: AppError, fields: Fields) -> Response:
        return await pages.show(collection_id, error=error, kept={"name": fields.get("name", "")})

    return await pages.after(change, again)


@router.post("/collections/{collection_id:uuid}/sharing")
async def share(collection_id: UUID, pages: CollectionPagesDep, factory: CollectionFactoryDep) -> Response:
    async def change(fields: Fields) -> Response:
        is_shared = fields.get("is_shared") == "yes"
        await factory.collections.change(pages.owner_id, collection_id, name=None, is_shared=is_shared)
        notice = "Shared." if is_shared else "No longer shared. The link has stopped working."
        return await pages.show(collection_id, notice=notice)

    return await pages.after(change, _again(collection_id, pages))


@router.post("/collections/{collection_id:uuid}/entries")
async def add_named(collection_id: UUID, pages: CollectionPagesDep, factory: CollectionFactoryDep) -> Response:
    async def add(fields: Fields) -> Response:
        return await _add(fields, collection_id, pages=pages, factory=factory)

    async def again(error: AppError, fields: Fields) -> Response:
        return await pages.show(collection_id, error=error, kept={"keys": fields.get("keys", "")})

    return await pages.after(add, again)


@router.post("/collections/{collection_id:uuid}/remove")
async def remove(collection_id: UUID, pages: CollectionPagesDep, factory: CollectionFactoryDep) -> Response:
    async def take_out(fields: Fields) -> Response:
        await factory.collections.remove(pages.owner_id, collection_id, fields.get("key", ""))
        return await pages.show(collection_id, notice="Removed from this collection.")

    return await pages.after(take_out, _again(collection_id, pages))


@router.post("/collections/{collection_id:uuid}/delete")
async def delete(collection_id: UUID, pages: CollectionPagesDep, factory: CollectionFactoryDep) -> Response:
    async def end(fields: Fields) -> Response:
        if not fields.get("confirm"):
            raise InvalidInputError(fields=[FieldError("confirm", "missing", "Tick the box to confirm.")])
        await factory.collections.delete(pages.owner_id, collection_id)
        return RedirectResponse("/collections", 303)

    return await pages.after(end, _again(collection_id, pages))


def _again(collection_id: UUID, pages: CollectionPages) -> Callable[[AppError, Fields], Awaitable[Response]]:
    async def again(error: AppError, _: Fields) -> Response:
        return await pages.show(collection_id, error=error)

    return again


async def _add(fields: Fields, collection_id: UUID, *, pages: CollectionPages, factory: CollectionFactory) -> Response:
    """Add the entries that `keys` names. Those that can't be added are filled into the form again."""
    keys = list(dict.fromkeys(parse_keys(fields.get("keys", ""), factory.public_url)))
    if not keys:
        raise InvalidInputError(fields=[FieldError("keys", "missing", "Enter the link or key of an entry.")])
    if len(keys) > MAX_MANY:
        raise InvalidInputError(fields=[FieldError("keys", "too_many", f"Give at most {MAX_MANY:,} at once.")])
    added = set(await factory.collections.add_many(pages.owner_id, collection_id, keys))
    notice = f"{len(added):,} entries added." if len(added) != 1 else "1 entry added."
    if len(added) == len(keys):
        return await pages.show(collection_id, notice=notice)
    sentence = "The links below couldn't be added: they don't exist, have ended, or are private."
    return await pages.show(
        collection_id,
        notice=notice if added else None,
        error=InvalidInputError(fields=[FieldError("keys", "not_added", sentence)]),
        kept={"keys": "\n".join(key for key in keys if key not in added)},
    )
