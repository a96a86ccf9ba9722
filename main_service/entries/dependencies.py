"""Dependencies of the routes and pages of entries: their factory, the actor of a request, and headers."""

import asyncio
import re
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Request

from main_service.accounts.bearer_auth import CurrentAccountDep, WriterOrGuestDep, find_bearer
from main_service.accounts.cookie_auth import ReaderDep, find_reader
from main_service.accounts.models import Account
from main_service.dependencies import SessionDep, resources_of
from main_service.engines.postgres import Session
from main_service.entries.factory import EntryFactory, EntryResources
from main_service.entries.idempotency import IdempotentRequest, account_scope, guest_scope
from main_service.entries.permissions import Actor
from main_service.errors import FieldError, InvalidInputError
from main_service.web.client_address import client_address
from main_service.web.preconditions import IF_MATCH, strong_tags
from main_service.web.proxy_watch import limited_address


def entry_factory_of(request: Request, session: Session | None = None) -> EntryFactory:
    """Called without a session by routes that only create: a dependency would cost them as much as their work."""
    resources: EntryResources = request.app.state.entry_resources
    return EntryFactory(resources, session, client_address=limited_address(request), notes_use=request.method != "HEAD")


async def get_entry_factory(request: Request, session: SessionDep) -> EntryFactory:
    return entry_factory_of(request, session)


EntryFactoryDep = Annotated[EntryFactory, Depends(get_entry_factory)]

ManageTokenDep = Annotated[
    str | None,
    Header(alias="X-Manage-Token", max_length=200, description="Returned when a guest's entry was created."),
]


IfMatchHeader = Annotated[
    str | None,
    Header(alias=IF_MATCH, description="`ETag` of the version to change; 412 if the entry has another one by now."),
]


async def get_expected_versions(request: Request, _: IfMatchHeader = None) -> frozenset[int] | None:
    """The versions that a request is meant for by `If-Match`; None: any.

    Raises:
        InvalidInputError: `If-Match` can't be read.
    """
    tags = strong_tags(request.headers.getlist(IF_MATCH))
    return None if tags is None else frozenset(int(tag) for tag in tags if re.fullmatch("[1-9][0-9]{0,9}", tag))


ExpectedVersionsDep = Annotated[frozenset[int] | None, Depends(get_expected_versions)]


async def get_actor(account: CurrentAccountDep, manage_token: ManageTokenDep = None) -> Actor:
    if account is None:
        return Actor(manage_token=manage_token)
    return Actor(account_id=account.id, manage_token=manage_token, counts_own_visits=account.counts_own_visits)


ActorDep = Annotated[Actor, Depends(get_actor)]
"""The actor of an API request."""


async def get_writing_actor(account: WriterOrGuestDep, manage_token: ManageTokenDep = None) -> Actor:
    return Actor(account_id=account.id if account else None, manage_token=manage_token)


WritingActorDep = Annotated[Actor, Depends(get_writing_actor)]
"""The actor of an API request that changes something; a token that may only read is refused."""


IDEMPOTENCY_KEY = "Idempotency-Key"

IdempotencyKeyHeader = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any unique value, such as a UUID. Repeating the same request with it within 24 hours creates no "
        "second entry and returns the first one.",
    ),
]


async def idempotency_of(request: Request, account: Account | None, key: str | None) -> IdempotentRequest | None:
    """The identity of a request that may be repeated; None: it has no `Idempotency-Key`.

    Raises:
        InvalidInputError: the key came twice.
    """
    if key is None:
        return None
    scope = idempotency_scope_of(request, account)
    body = await request.body()
    digest = await asyncio.to_thread(sha256, body)
    if query := request.scope["query_string"]:
        # Of two requests that differ in it, the second is not the first again.
        digest.update(b"?" + query)
    return IdempotentRequest(scope=scope, key=key, body_digest=digest.digest())


def idempotency_scope_of(request: Request, account: Account | None) -> bytes:
    """The scope of the request's `Idempotency-Key`.

    Raises:
        InvalidInputError: the key came twice.
    """
    if len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
        raise InvalidInputError(fields=[FieldError(IDEMPOTENCY_KEY, "header_twice", "Send this header once.")])
    settings = resources_of(request).settings
    what = {"method": request.method, "path": request.url.path}
    if account is not None:
        return account_scope(settings, account_id=account.id, **what)
    return guest_scope(settings, address=client_address(request, settings.believed_proxies), **what)


async def get_page_actor(reader: ReaderDep) -> Actor:
    if reader is None:
        return Actor()
    return Actor(account_id=reader.id, counts_own_visits=reader.counts_own_visits)


PageActorDep = Annotated[Actor, Depends(get_page_actor)]
"""The actor of a page, known by the session cookie alone."""


async def get_reading_actor(request: Request, session: SessionDep) -> Actor:
    bearer = await find_bearer(request, session)
    if bearer is None:
        return await get_page_actor(await find_reader(request, session))
    account = bearer.account
    return Actor(account_id=account.id, counts_own_visits=account.counts_own_visits, has_bearer_token=True)


ReadingActorDep = Annotated[Actor, Depends(get_reading_actor)]
"""The actor at a URL for both browsers and programs, known by a bearer token, else by the session cookie."""
