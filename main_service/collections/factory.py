"""Builds the services of collections, for a request, a task and the command line alike."""

from functools import cached_property

from main_service.collections.named import NamedCollections
from main_service.collections.service import CollectionService, SharedCollectionService
from main_service.engines.postgres import Session
from main_service.engines.rate_limits import ClientAddress
from main_service.entries.read import KeyLookup
from main_service.resources import Resources


class CollectionFactory:
    """Builds each service when it is first asked for; all of them work in the transaction of `session`."""

    def __init__(self, resources: Resources, session: Session, *, client_address: ClientAddress) -> None:
        """`client_address`: whose unknown keys are counted; None: the client can't be told from others."""
        self._resources = resources
        self._session = session
        self._client_address = client_address
        self.public_url = resources.settings.public_url

    @cached_property
    def collections(self) -> CollectionService:
        return CollectionService(
            session=self._session,
            keys=self._resources.keys,
            lookup=self._key_lookup,
            settings=self._resources.settings,
        )

    @cached_property
    def named(self) -> NamedCollections:
        return NamedCollections(session=self._session, collections=self.collections)

    @cached_property
    def shared_collections(self) -> SharedCollectionService:
        return SharedCollectionService(session=self._session, lookup=self._key_lookup)

    @cached_property
    def _key_lookup(self) -> KeyLookup:
        return KeyLookup(self._resources.scan_limit, self._client_address)
