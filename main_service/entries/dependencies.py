"""Dependencies of the routes and pages of entries: services that read, create and change, and who asks for them."""

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Request

from main_service.accounts.account_guards import require_confirmed
from main_service.accounts.bearer_auth import (
    CurrentAccountDep,
    WriterOrGuestDep,
    find_token_account,
    find_writer_or_guest,
)
from main_service.accounts.cookie_auth import ReaderDep, find_reader
from main_service.accounts.models import Account
from main_service.dependencies import SessionDep, resources_of
from main_service.entries.cache import EntryCache
from main_service.entries.cache_invalidation import PostCommitInvalidation
from main_service.entries.change import EntryChangeService
from main_service.entries.create import EntryCreateService
from main_service.entries.create_limits import Allowance, CreateLimits
from main_service.entries.idempotency import IdempotentRequest, account_scope, guest_scope
from main_service.entries.insert_batches import InsertBatcher
from main_service.entries.lifetimes import LifetimePolicies, LifetimePolicy
from main_service.entries.permissions import Actor, EntryPolicy, ManageTokens
from main_service.entries.read import EntryReader, KeyLookup
from main_service.errors import FieldError, InvalidInputError
from main_service.resources import Resources
from main_service.settings import Settings
from main_service.web.client_address import client_address
from main_service.web.preconditions import IF_MATCH, strong_tags
from main_service.web.proxy_watch import limited_address


def lifetime_policies(settings: Settings) -> LifetimePolicies:
    return LifetimePolicies(
        guest=LifetimePolicy(
            default=settings.guest_lifetime, longest=settings.guest_max_lifetime, may_be_endless=False
        ),
        user=LifetimePolicy(default=settings.user_lifetime, longest=settings.user_max_lifetime, may_be_endless=True),
    )


async def get_lifetime_policies(request: Request) -> LifetimePolicies:
    return lifetime_policies(resources_of(request).settings)


LifetimePoliciesDep = Annotated[LifetimePolicies, Depends(get_lifetime_policies)]


async def get_manage_tokens(request: Request) -> ManageTokens:
    return ManageTokens(resources_of(request).settings)


ManageTokensDep = Annotated[ManageTokens, Depends(get_manage_tokens)]


async def get_entry_policy(request: Request) -> EntryPolicy:
    return EntryPolicy(ManageTokens(resources_of(request).settings))


EntryPolicyDep = Annotated[EntryPolicy, Depends(get_entry_policy)]

ManageTokenDep = Annotated[
    str | None,
    Header(alias="X-Manage-Token", max_length=200, description="Given when a guest's entry was made."),
]


IfMatchHeader = Annotated[
    str | None,
    Header(alias=IF_MATCH, description="`ETag` of the version that is meant; another one is left as it is, with 412."),
]


async def get_expected_versions(request: Request, _: IfMatchHeader = None) -> frozenset[int] | None:
    """The versions that a request is meant for; None: any.

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
"""Who asks through the API."""


async def get_writing_actor(account: WriterOrGuestDep, manage_token: ManageTokenDep = None) -> Actor:
    return Actor(account_id=account.id if account else None, manage_token=manage_token)


WritingActorDep = Annotated[Actor, Depends(get_writing_actor)]
"""Who asks through the API, unless by a token that may only read."""


async def get_key_lookup(request: Request) -> KeyLookup:
    return KeyLookup(resources_of(request).scan_limit, limited_address(request))


KeyLookupDep = Annotated[KeyLookup, Depends(get_key_lookup)]


async def get_reader(request: Request, session: SessionDep, lookup: KeyLookupDep) -> EntryReader:
    resources = resources_of(request)
    return EntryReader(
        session=session,
        cache=EntryCache(resources.redis),
        key_filter=resources.key_filter,
        lookup=lookup,
        bodies=resources.bodies,
        texts=resources.texts,
        notes_use=request.method != "HEAD",
    )


EntryReaderDep = Annotated[EntryReader, Depends(get_reader)]


class EntryCreators:
    """One per process: what makes entries for guests is made once."""

    def __init__(self, resources: Resources) -> None:
        settings = resources.settings
        self._settings = settings
        self._creator = partial(
            EntryCreateService,
            sessions=resources.sessions,
            batcher=InsertBatcher(resources.sessions, resources.key_filter),
            bodies=resources.bodies,
            keys=resources.keys,
            public_url=settings.public_url,
        )
        self._policies = lifetime_policies(settings)
        self._for_guests = self._creator(lifetimes=self._policies.guest, owner_id=None)
        self.limits = CreateLimits(resources.limiter, settings)

    def of(self, account: Account | None) -> EntryCreateService:
        """What makes entries for a user, or for a guest.

        Raises:
            AddressUnconfirmedError: users must confirm their address first, and this one has not.
        """
        if account is None:
            return self._for_guests
        require_confirmed(account, self._settings)
        return self._creator(lifetimes=self._policies.user, owner_id=account.id)


def entry_creators_of(request: Request) -> EntryCreators:
    creators: EntryCreators = request.app.state.entry_creators
    return creators


async def get_invalidation(request: Request, session: SessionDep) -> PostCommitInvalidation:
    resources = resources_of(request)
    return PostCommitInvalidation(session=session, cache=EntryCache(resources.redis), bodies=resources.bodies)


InvalidationDep = Annotated[PostCommitInvalidation, Depends(get_invalidation)]


async def get_change_service(
    request: Request,
    session: SessionDep,
    reader: EntryReaderDep,
    invalidation: InvalidationDep,
    entry_policy: EntryPolicyDep,
    policies: LifetimePoliciesDep,
) -> EntryChangeService:
    resources = resources_of(request)
    return EntryChangeService(
        session=session,
        reader=reader,
        invalidation=invalidation,
        bodies=resources.bodies,
        entry_policy=entry_policy,
        lifetimes=policies,
        allowance=partial(entry_creators_of(request).limits.of, address=limited_address(request)),
        public_url=resources.settings.public_url,
    )


EntryChangeServiceDep = Annotated[EntryChangeService, Depends(get_change_service)]


IDEMPOTENCY_KEY = "Idempotency-Key"

IdempotencyKeyHeader = Annotated[
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


@dataclass(frozen=True)
class Creation:
    """What a request that makes an entry needs."""

    creator: EntryCreateService
    allowance: Allowance
    idempotency: IdempotentRequest | None
    """None: the request has no `Idempotency-Key`."""
    manage_tokens: ManageTokens
    public_url: str


async def creation_of(request: Request, key: str | None) -> Creation:
    """Called by the route, because a dependency would cost as much as the work it does. `key`: to be idempotent by.

    Raises:
        TokenInvalidError, ScopeMissingError, AddressUnconfirmedError: who asks may make nothing.
        InvalidInputError: the key came twice.
    """
    account = await find_writer_or_guest(request)
    settings = resources_of(request).settings
    creators = entry_creators_of(request)
    return Creation(
        creator=creators.of(account),
        allowance=creators.limits.of(account.id if account else None, limited_address(request)),
        idempotency=None if key is None else await _idempotency(request, settings, account, key),
        manage_tokens=ManageTokens(settings),
        public_url=settings.public_url,
    )


async def _idempotency(request: Request, settings: Settings, account: Account | None, key: str) -> IdempotentRequest:
    if len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
        raise InvalidInputError(fields=[FieldError(IDEMPOTENCY_KEY, "header_twice", "Send this header once.")])
    body = await request.body()
    digest = await asyncio.to_thread(sha256, body)
    if query := request.scope["query_string"]:
        # Of two requests that differ in it, the second is not the first again.
        digest.update(b"?" + query)
    what = {"method": request.method, "path": request.url.path}
    if account is not None:
        scope = account_scope(settings, account_id=account.id, **what)
    else:
        scope = guest_scope(settings, address=client_address(request, settings.trusted_proxies), **what)
    return IdempotentRequest(scope=scope, key=key, body_digest=digest.digest())


async def get_page_actor(reader: ReaderDep) -> Actor:
    if reader is None:
        return Actor()
    return Actor(account_id=reader.account_id, counts_own_visits=reader.counts_own_visits)


PageActorDep = Annotated[Actor, Depends(get_page_actor)]
"""Who asks on a page: known by the session cookie alone."""


async def get_reading_actor(request: Request, session: SessionDep) -> Actor:
    account = await find_token_account(request, session)
    if account is None:
        return await get_page_actor(await find_reader(request, session))
    return Actor(account_id=account.id, counts_own_visits=account.counts_own_visits, has_bearer_token=True)


ReadingActorDep = Annotated[Actor, Depends(get_reading_actor)]
"""Who asks at an address that both browsers and programs read: known by a bearer token, else by the session cookie."""
