"""How a request lets an account go."""

from typing import Annotated

from fastapi import Depends

from main_service.accounts.dependencies import AccountLeaverDep, ClientAddressDep
from main_service.dependencies import ResourcesDep, SessionDep
from main_service.entries.copies import Copies
from main_service.profile.leaving import Departure, Leaving


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
