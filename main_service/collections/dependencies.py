"""Dependencies of routes and pages of collections: their factory, and where a list goes on."""

from typing import Annotated

from fastapi import Depends, Query, Request

from main_service.collections.factory import CollectionFactory
from main_service.collections.schemas import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from main_service.dependencies import SessionDep, resources_of
from main_service.web.cursors import TIME_CURSOR_PATTERN, Position, read_time_cursor
from main_service.web.proxy_watch import limited_address


async def get_factory(request: Request, session: SessionDep) -> CollectionFactory:
    return CollectionFactory(resources_of(request), session, client_address=limited_address(request))


CollectionFactoryDep = Annotated[CollectionFactory, Depends(get_factory)]


async def get_position(
    cursor: Annotated[
        str | None,
        Query(description="`next_cursor` of the previous page.", json_schema_extra={"pattern": TIME_CURSOR_PATTERN}),
    ] = None,
) -> Position | None:
    """The position that `cursor` names; None: the list begins at its start."""
    return None if cursor is None else read_time_cursor(cursor)


PositionDep = Annotated[Position | None, Depends(get_position)]

LimitDep = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description=f"Default: {DEFAULT_PAGE_SIZE}.")]
