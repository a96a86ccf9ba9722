"""How a request gets what lists and exports a user's entries, and lets an account go."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.dependencies import AccountLeaverDep, ClientAddressDep
from main_service.dependencies import ResourcesDep, SessionDep, SettingsDep
from main_service.entries.copies import Copies
from main_service.profile.cursors import Cursors
from main_service.profile.exporting import EntryExporter
from main_service.profile.leaving import Departure, Leaving
from main_service.profile.listing import EntryLister


async def get_lister(session: SessionDep, settings: SettingsDep) -> EntryLister:
    return EntryLister(session=session, cursors=Cursors(settings))


EntryListerDep = Annotated[EntryLister, Depends(get_lister)]


async def get_exporter(resources: ResourcesDep) -> EntryExporter:
    return EntryExporter(sessions=resources.sessions)


EntryExporterDep = Annotated[EntryExporter, Depends(get_exporter)]


async def get_departure(
    session: SessionDep, resources: ResourcesDep, leaver: AccountLeaverDep, address: ClientAddressDep
) -> Departure:
    leaving = Leaving(
        sessions=resources.sessions,
        copies=Copies(resources.redis),
        longest=resources.settings.guest_max_lifetime,
    )
    return Departure(session=session, leaver=leaver, leaving=leaving, address=address)


DepartureDep = Annotated[Departure, Depends(get_departure)]
