"""How a request gets its EntryService."""

from typing import Annotated

from fastapi import Depends

from main_service.dependencies import ResourcesDep, SessionDep, SettingsDep
from main_service.entries.copies import Copies
from main_service.entries.lifetimes import LifetimePolicy
from main_service.entries.manage_tokens import ManageTokens
from main_service.entries.service import EntryService


async def get_lifetime_policy(settings: SettingsDep) -> LifetimePolicy:
    return LifetimePolicy(default=settings.guest_lifetime, longest=settings.guest_max_lifetime)


LifetimePolicyDep = Annotated[LifetimePolicy, Depends(get_lifetime_policy)]


async def get_entry_service(session: SessionDep, resources: ResourcesDep, lifetimes: LifetimePolicyDep) -> EntryService:
    return EntryService(
        session=session,
        copies=Copies(resources.redis),
        bodies=resources.bodies,
        keys=resources.keys,
        manage_tokens=ManageTokens(resources.settings),
        lifetimes=lifetimes,
        max_text_bytes=resources.settings.max_text_bytes,
    )


EntryServiceDep = Annotated[EntryService, Depends(get_entry_service)]
