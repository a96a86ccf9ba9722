"""Builds the services of entries, for a request, a task and the command line alike."""

from functools import cached_property
from uuid import UUID

from main_service.accounts.account_guards import require_confirmed
from main_service.accounts.models import Account
from main_service.engines.postgres import Session
from main_service.engines.rate_limits import ClientAddress
from main_service.entries.cache import EntryCache
from main_service.entries.cache_invalidation import PostCommitInvalidation
from main_service.entries.change import EntryChangeService
from main_service.entries.create import EntryCreateService
from main_service.entries.create_limits import Allowance, CreateLimits
from main_service.entries.insert_batches import InsertBatcher
from main_service.entries.lifetimes import LifetimePolicies, LifetimePolicy
from main_service.entries.permissions import EntryPolicy, ManageTokens
from main_service.entries.read import EntryReader, KeyLookup
from main_service.languages.detection import LanguageDetection
from main_service.resources import Resources


class EntryResources:
    """What the services of entries share in a process. Made once, from what the process holds open."""

    def __init__(self, resources: Resources, languages: LanguageDetection | None = None) -> None:
        """`languages`: finds the languages of pastes; None: nothing does, as in tasks."""
        settings = resources.settings
        self.languages = languages
        self.settings = settings
        self.sessions = resources.sessions
        self.bodies = resources.bodies
        self.texts = resources.texts
        self.keys = resources.keys
        self.key_filter = resources.key_filter
        self.scan_limit = resources.scan_limit
        self.cache = EntryCache(resources.redis)
        if languages is not None:
            languages.set_invalidate(self.cache.invalidate)
        self.batcher = InsertBatcher(resources.sessions, resources.key_filter)
        self.create_limits = CreateLimits(resources.limiter, settings)
        self.manage_tokens = ManageTokens(settings)
        self.entry_policy = EntryPolicy(self.manage_tokens)
        self.lifetimes = LifetimePolicies(
            guest=LifetimePolicy(
                default=settings.guest_lifetime, longest=settings.guest_max_lifetime, may_be_endless=False
            ),
            user=LifetimePolicy(
                default=settings.user_lifetime, longest=settings.user_max_lifetime, may_be_endless=True
            ),
        )


class EntryFactory:
    """Builds each service when it is first asked for; all but the creating one work in the transaction of `session`."""

    def __init__(
        self,
        resources: EntryResources,
        session: Session | None,
        *,
        client_address: ClientAddress = None,
        notes_use: bool = True,
    ) -> None:
        """`session`: None where entries are only created, which opens sessions of its own.

        `client_address`: whose creates and unknown keys are limited; None: the client can't be told from others.
        `notes_use`: whether reading the row of an entry counts as using it.
        """
        self._resources = resources
        self._session = session
        self._client_address = client_address
        self._notes_use = notes_use
        self.settings = resources.settings
        self.public_url = resources.settings.public_url
        self.lifetimes = resources.lifetimes
        self.manage_tokens = resources.manage_tokens
        self.entry_policy = resources.entry_policy

    def creator(self, account: Account | None) -> EntryCreateService:
        """The service that creates entries for a user, or for a guest.

        Raises:
            AddressUnconfirmedError: users must confirm their address first, and this one has not.
        """
        if account is not None:
            require_confirmed(account, self.settings)
        owner_id = account.id if account else None
        return EntryCreateService(
            sessions=self._resources.sessions,
            batcher=self._resources.batcher,
            bodies=self._resources.bodies,
            keys=self._resources.keys,
            lifetimes=self.lifetimes.of(owner_id),
            allowance=self._allowance(owner_id),
            owner_id=owner_id,
            public_url=self.public_url,
            languages=self._resources.languages,
        )

    @cached_property
    def reader(self) -> EntryReader:
        return EntryReader(
            session=self._transaction,
            cache=self._resources.cache,
            key_filter=self._resources.key_filter,
            lookup=self.key_lookup,
            bodies=self._resources.bodies,
            texts=self._resources.texts,
            notes_use=self._notes_use,
            languages=self._resources.languages,
        )

    @cached_property
    def changes(self) -> EntryChangeService:
        bodies = self._resources.bodies
        return EntryChangeService(
            session=self._transaction,
            reader=self.reader,
            invalidation=PostCommitInvalidation(session=self._transaction, cache=self._resources.cache, bodies=bodies),
            bodies=bodies,
            entry_policy=self.entry_policy,
            lifetimes=self.lifetimes,
            allowance=self._allowance,
            public_url=self.public_url,
            languages=self._resources.languages,
        )

    @cached_property
    def key_lookup(self) -> KeyLookup:
        return KeyLookup(self._resources.scan_limit, self._client_address)

    def _allowance(self, account_id: UUID | None) -> Allowance:
        return self._resources.create_limits.of(account_id, self._client_address)

    @property
    def _transaction(self) -> Session:
        assert self._session is not None, "only creating needs no session"
        return self._session
