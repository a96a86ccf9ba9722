"""How a request gets what reads, makes and changes entries."""

import asyncio
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Request

from main_service.dependencies import ResourcesDep, SessionDep, SettingsDep
from main_service.entries.attempts import Attempt, guest_scope
from main_service.entries.changing import EntryChanger
from main_service.entries.copies import Copies
from main_service.entries.creating import EntryCreator
from main_service.entries.lifetimes import LifetimePolicy
from main_service.entries.manage_tokens import ManageTokens
from main_service.entries.reading import EntryReader
from main_service.errors import FieldError, InvalidInputError
from main_service.web.client_address import client_address


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
    return EntryCreator(
        session=session,
        bodies=resources.bodies,
        keys=resources.keys,
        lifetimes=lifetimes,
        public_url=resources.settings.public_url,
    )


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
        public_url=resources.settings.public_url,
    )


EntryChangerDep = Annotated[EntryChanger, Depends(get_changer)]

IDEMPOTENCY_KEY = "Idempotency-Key"

IdempotencyKeyDep = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any new value, such as a UUID. The same request, sent again with it within 24 hours, makes no "
        "second entry; it answers with the first one.",
    ),
]


async def get_attempt(request: Request, settings: SettingsDep, key: IdempotencyKeyDep = None) -> Attempt | None:
    """None unless the client wants to be able to repeat its request."""
    if key is None:
        return None
    if len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
        raise InvalidInputError(fields=[FieldError(IDEMPOTENCY_KEY, "header_twice", "Send this header once.")])
    body = await request.body()
    digest = await asyncio.to_thread(sha256, body)
    scope = guest_scope(
        settings,
        address=client_address(request, settings.trusted_proxies),
        method=request.method,
        path=request.url.path,
    )
    return Attempt(scope=scope, key=key, body_digest=digest.digest())


AttemptDep = Annotated[Attempt | None, Depends(get_attempt)]
