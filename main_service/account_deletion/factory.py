"""Builds the services that delete accounts, for a request and the worker alike."""

from functools import cached_property

from main_service.account_deletion.service import AccountDeletion, EntryReleaser
from main_service.accounts.factory import AccountFactory
from main_service.engines.postgres import Session
from main_service.entries.cache import EntryCache
from main_service.resources import Resources


def create_releaser(resources: Resources) -> EntryReleaser:
    return EntryReleaser(
        sessions=resources.sessions,
        cache=EntryCache(resources.redis),
        max_lifetime=resources.settings.guest_max_lifetime,
    )


class AccountDeletionFactory:
    """Builds the service when it is first asked for; it works in the transaction of `session`, as `accounts` does."""

    def __init__(self, resources: Resources, session: Session, accounts: AccountFactory) -> None:
        self._resources = resources
        self._session = session
        self._accounts = accounts

    @cached_property
    def deletion(self) -> AccountDeletion:
        return AccountDeletion(
            session=self._session,
            reauthenticator=self._accounts.reauthenticator,
            releaser=create_releaser(self._resources),
        )
