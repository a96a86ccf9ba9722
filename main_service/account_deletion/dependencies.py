"""How a request gets what deletes its account."""

from typing import Annotated

from fastapi import Depends, Request

from main_service.account_deletion.service import Departure, Leaving
from main_service.accounts.dependencies import AccountFactoryDep
from main_service.dependencies import SessionDep, resources_of
from main_service.entries.cache import EntryCache


async def get_departure(request: Request, session: SessionDep, accounts: AccountFactoryDep) -> Departure:
    resources = resources_of(request)
    leaving = Leaving(
        sessions=resources.sessions,
        cache=EntryCache(resources.redis),
        longest=resources.settings.guest_max_lifetime,
    )
    return Departure(session=session, deleter=accounts.deleter, leaving=leaving)


DepartureDep = Annotated[Departure, Depends(get_departure)]
