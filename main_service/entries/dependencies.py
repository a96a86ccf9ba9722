"""How a request gets what reads, makes and changes entries."""

from typing import Annotated

from fastapi import Depends

from main_service.dependencies import ResourcesDep, SessionDep, SettingsDep
from main_service.entries.changing import EntryChanger
from main_service.entries.copies import Copies
from main_service.entries.creating import EntryCreator
from main_service.entries.lifetimes import LifetimePolicy
from main_service.entries.manage_tokens import ManageTokens
from main_service.entries.reading import EntryReader


async def get_lifetime_policy(settings: SettingsDep) -> LifetimePolicy:
    return LifetimePolicy(default=settings.guest_lifetime, longest=settings.guest_max_lifetime)


LifetimePolicyDep = Annotated[LifetimePolicy, Depends(get_lifetime_policy)]


async def get_manage_tokens(settings: SettingsDep) -> ManageTokens:
    return ManageTokens(settings)


ManageTokensDep = Annotated[ManageTokens, Depends(get_manage_tokens)]


async def get_reader(session: SessionDep, resources: ResourcesDep) -> EntryReader:
    return EntryReader(session=session, copies=Copies(resources.redis), bodies=resources.bodies)


EntryReaderDep = Annotated[EntryReader, Depends(get_reader)]


async def get_creator(session: SessionDep, resources: ResourcesDep, lifetimes: LifetimePolicyDep) -> EntryCreator:
    return EntryCreator(session=session, bodies=resources.bodies, keys=resources.keys, lifetimes=lifetimes)


EntryCreatorDep = Annotated[EntryCreator, Depends(get_creator)]


async def get_changer(
    session: SessionDep,
    resources: ResourcesDep,
    reader: EntryReaderDep,
    manage_tokens: ManageTokensDep,
    lifetimes: LifetimePolicyDep,
) -> EntryChanger:
    return EntryChanger(
        session=session,
        reader=reader,
        copies=Copies(resources.redis),
        bodies=resources.bodies,
        manage_tokens=manage_tokens,
        lifetimes=lifetimes,
    )


EntryChangerDep = Annotated[EntryChanger, Depends(get_changer)]
