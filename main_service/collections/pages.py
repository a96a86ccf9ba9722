"""The pages on which users keep their collections."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.forms import parse
from main_service.collections.addresses import keys_in
from main_service.collections.dependencies import CollectionsDep
from main_service.collections.page import CollectionIdDep, CollectionPages, CollectionPagesDep, Fields
from main_service.collections.schemas import CollectionIn
from main_service.collections.service import Collections
from main_service.dependencies import SettingsDep
from main_service.entries.schemas import MAX_MANY
from main_service.errors import AppError, FieldError, InvalidInputError
from main_service.settings import Settings

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route("/collections", methods=["GET", "HEAD"])
async def show_all(pages: CollectionPagesDep) -> Response:
    return await pages.show_all()


@router.post("/collections")
async def create(pages: CollectionPagesDep, collections: CollectionsDep) -> Response:
    async def make(fields: Fields) -> Response:
        asked = parse(CollectionIn, name=fields.get("name", ""))
        return pages.lead_to((await collections.create(pages.owner_id, asked.name)).id)

    async def again(error: AppError, fields: Fields) -> Response:
        return await pages.show_all(error=error, kept={"name": fields.get("name", "")})

    return await pages.after(make, again)


@router.post("/collections/add")
async def add_selected(pages: CollectionPagesDep, collections: CollectionsDep, settings: SettingsDep) -> Response:
    """From the list of one's own entries. `collection`: its id; `keys`: as on the page of a collection, or one each."""

    async def add(fields: Fields) -> Response:
        try:
            collection_id = UUID(fields.get("collection", ""))
        except ValueError as error:
            raise InvalidInputError("Choose a collection first.") from error
        return await _add(fields, collection_id, pages=pages, collections=collections, settings=settings)

    async def refuse(error: AppError, _: Fields) -> Response:
        raise error

    return await pages.after(add, refuse)


@router.api_route("/collections/add", methods=["GET", "HEAD"])
async def lead_to_all() -> Response:
    """For whoever opens the address of a form again."""
    return RedirectResponse("/collections", 303)


@router.api_route("/collections/{collection_id}", methods=["GET", "HEAD"])
async def show(collection_id: CollectionIdDep, pages: CollectionPagesDep) -> Response:
    return await pages.show(collection_id)


@router.api_route("/collections/{collection_id}/name", methods=["GET", "HEAD"])
@router.api_route("/collections/{collection_id}/sharing", methods=["GET", "HEAD"])
@router.api_route("/collections/{collection_id}/entries", methods=["GET", "HEAD"])
@router.api_route("/collections/{collection_id}/remove", methods=["GET", "HEAD"])
@router.api_route("/collections/{collection_id}/delete", methods=["GET", "HEAD"])
async def lead_back(collection_id: CollectionIdDep) -> Response:
    """For whoever opens the address of a form again."""
    return CollectionPages.lead_to(collection_id)


@router.post("/collections/{collection_id}/name")
async def rename(collection_id: CollectionIdDep, pages: CollectionPagesDep, collections: CollectionsDep) -> Response:
    async def change(fields: Fields) -> Response:
        asked = parse(CollectionIn, name=fields.get("name", ""))
        await collections.change(pages.owner_id, collection_id, name=asked.name, is_shared=None)
        return await pages.show(collection_id, notice="The new name is set.")

    async def again(error: AppError, fields: Fields) -> Response:
        return await pages.show(collection_id, error=error, kept={"name": fields.get("name", "")})

    return await pages.after(change, again)


@router.post("/collections/{collection_id}/sharing")
async def share(collection_id: CollectionIdDep, pages: CollectionPagesDep, collections: CollectionsDep) -> Response:
    async def change(fields: Fields) -> Response:
        is_shared = fields.get("is_shared") == "yes"
        await collections.change(pages.owner_id, collection_id, name=None, is_shared=is_shared)
        notice = "It is shared now." if is_shared else "It is not shared any more. Its address leads nowhere now."
        return await pages.show(collection_id, notice=notice)

    return await pages.after(change, _again(collection_id, pages))


@router.post("/collections/{collection_id}/entries")
async def add_named(
    collection_id: CollectionIdDep, pages: CollectionPagesDep, collections: CollectionsDep, settings: SettingsDep
) -> Response:
    async def add(fields: Fields) -> Response:
        return await _add(fields, collection_id, pages=pages, collections=collections, settings=settings)

    async def again(error: AppError, fields: Fields) -> Response:
        return await pages.show(collection_id, error=error, kept={"keys": fields.get("keys", "")})

    return await pages.after(add, again)


@router.post("/collections/{collection_id}/remove")
async def remove(collection_id: CollectionIdDep, pages: CollectionPagesDep, collections: CollectionsDep) -> Response:
    async def take_out(fields: Fields) -> Response:
        await collections.remove(pages.owner_id, collection_id, fields.get("key", ""))
        return await pages.show(collection_id, notice="It is taken out of this collection.")

    return await pages.after(take_out, _again(collection_id, pages))


@router.post("/collections/{collection_id}/delete")
async def delete(collection_id: CollectionIdDep, pages: CollectionPagesDep, collections: CollectionsDep) -> Response:
    async def end(fields: Fields) -> Response:
        if not fields.get("confirm"):
            raise InvalidInputError(fields=[FieldError("confirm", "missing", "Tick the box to confirm.")])
        await collections.delete(pages.owner_id, collection_id)
        return RedirectResponse("/collections", 303)

    return await pages.after(end, _again(collection_id, pages))


def _again(collection_id: UUID, pages: CollectionPages) -> Callable[[AppError, Fields], Awaitable[Response]]:
    async def again(error: AppError, _: Fields) -> Response:
        return await pages.show(collection_id, error=error)

    return again


async def _add(
    fields: Fields, collection_id: UUID, *, pages: CollectionPages, collections: Collections, settings: Settings
) -> Response:
    """Add what `keys` names; what can't be added is typed into the page again."""
    keys = list(dict.fromkeys(keys_in(fields.get("keys", ""), settings.public_url)))
    if not keys:
        raise InvalidInputError(fields=[FieldError("keys", "missing", "Give the address or key of an entry.")])
    if len(keys) > MAX_MANY:
        raise InvalidInputError(fields=[FieldError("keys", "too_many", f"Give at most {MAX_MANY:,} at once.")])
    added = set(await collections.add_many(pages.owner_id, collection_id, keys))
    notice = f"{len(added):,} entries are added." if len(added) != 1 else "1 entry is added."
    if len(added) == len(keys):
        return await pages.show(collection_id, notice=notice)
    sentence = "There is nothing to add at what stands below: it never was, has ended, or is not for you to see."
    return await pages.show(
        collection_id,
        notice=notice if added else None,
        error=InvalidInputError(fields=[FieldError("keys", "not_added", sentence)]),
        kept={"keys": "\n".join(key for key in keys if key not in added)},
    )
