"""How a request gets collections, and the place in a list that it asks for."""

from typing import Annotated

from fastapi import Depends, Query, Request

from main_service.collections.positions import CURSOR_PATTERN, Position, read_cursor
from main_service.collections.schemas import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from main_service.collections.service import Collections, SharedCollections
from main_service.dependencies import SessionDep, resources_of
from main_service.entries.dependencies import KeyLookupDep


async def get_collections(request: Request, session: SessionDep, lookup: KeyLookupDep) -> Collections:
    resources = resources_of(request)
    return Collections(session=session, keys=resources.keys, lookup=lookup, settings=resources.settings)


CollectionsDep = Annotated[Collections, Depends(get_collections)]


async def get_shared_collections(session: SessionDep, lookup: KeyLookupDep) -> SharedCollections:
    return SharedCollections(session=session, lookup=lookup)


SharedCollectionsDep = Annotated[SharedCollections, Depends(get_shared_collections)]


async def get_position(
    cursor: Annotated[
        str | None,
        Query(description="`next_cursor` of the page before.", json_schema_extra={"pattern": f"^{CURSOR_PATTERN}$"}),
    ] = None,
) -> Position | None:
    """Where the list goes on; None: at its beginning."""
    return None if cursor is None else read_cursor(cursor)


PositionDep = Annotated[Position | None, Depends(get_position)]

LimitDep = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description=f"Default: {DEFAULT_PAGE_SIZE}.")]
