"""Dependencies of routes and pages of a user's entries: their factory, and the limit of exports."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.dependencies import SessionDep, resources_of
from main_service.my_entries.factory import MyEntriesFactory
from main_service.web.read_limits import read_limits_of


async def get_factory(request: Request, session: SessionDep) -> MyEntriesFactory:
    return MyEntriesFactory(resources_of(request), session)


MyEntriesFactoryDep = Annotated[MyEntriesFactory, Depends(get_factory)]


async def count_export(request: Request) -> None:
    """Count an export of the client.

    Raises:
        TooManyRequestsError: the client has requested too many exports.
    """
    await read_limits_of(request).exports.take(request)


ExportCountedDep = Annotated[None, Depends(count_export)]
"""Counts the request as an export, and refuses it if the client has had too many. Stands behind who asks."""
