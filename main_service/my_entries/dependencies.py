"""How a request gets what lists and exports a user's entries."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.dependencies import SessionDep, resources_of
from main_service.my_entries.service import EntryExporter, EntryLister
from main_service.web.cursors import Cursors
from main_service.web.read_limits import read_limits_of


async def get_lister(request: Request, session: SessionDep) -> EntryLister:
    return EntryLister(session=session, cursors=Cursors(resources_of(request).settings))


EntryListerDep = Annotated[EntryLister, Depends(get_lister)]


async def get_exporter(request: Request) -> EntryExporter:
    """Raises:
    TooManyRequestsError: the client has asked for too many exports.
    """
    await read_limits_of(request).exports.take(request)
    return EntryExporter(sessions=resources_of(request).sessions)


EntryExporterDep = Annotated[EntryExporter, Depends(get_exporter)]
