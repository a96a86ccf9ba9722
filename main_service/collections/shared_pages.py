"""The page of a shared collection, for every client that has the link."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from main_service.accounts.cookie_auth import ReaderDep
from main_service.collections.dependencies import CollectionFactoryDep, PositionDep
from main_service.collections.schemas import DEFAULT_PAGE_SIZE
from main_service.collections.serializers import collection_items
from main_service.entries.permissions import Actor
from main_service.web.cursors import write_time_cursor
from main_service.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/c/{shared_key}")
async def show_shared(
    shared_key: str,
    request: Request,
    reader: ReaderDep,
    factory: CollectionFactoryDep,
    position: PositionDep,
) -> Response:
    reader_id = reader.id if reader else None
    collection, page = await factory.shared_collections.open(
        shared_key, reader_id=reader_id, after=position, limit=DEFAULT_PAGE_SIZE
    )
    return render(
        request,
        "collections/shared.html",
        collection=collection,
        shared_key=shared_key,
        is_own=collection.owner_id == reader_id,
        # A guest's view: the owner of an entry is shown no more than others.
        items=collection_items(page, factory.public_url, Actor()),
        cursor=position and write_time_cursor(position),
        next_cursor=page.next_cursor,
    )
