"""The JSON API of collections."""

from uuid import UUID

from main_service.accounts.bearer_auth import FOR_GUESTS_TOO, AccountDep, CurrentAccountDep, WriterDep
from main_service.accounts.errors import AddressUnconfirmedError, ScopeMissingError, TokenInvalidError
from main_service.collections.dependencies import CollectionFactoryDep, LimitDep, PositionDep
from main_service.collections.errors import CollectionNameTakenError, TooManyCollectionsError
from main_service.collections.schemas import (
    DEFAULT_PAGE_SIZE,
    AddedEntriesOut,
    CollectedEntriesOut,
    CollectionChangeIn,
    CollectionIn,
    CollectionOut,
    CollectionsOut,
    SharedCollectionOut,
)
from main_service.collections.serializers import collection_out, entries_out, shared_out
from main_service.entries.permissions import Actor
from main_service.entries.schemas import ManyEntriesIn
from main_service.errors import (
    DatabaseUnavailableError,
    EntryEndedError,
    NotFoundError,
    SignInRequiredError,
    TooManyUnknownKeysError,
)
from main_service.web.json_api import JsonRouter
from main_service.web.problems import InternalError

router = JsonRouter(
    prefix="/api/v1/collections",
    tags=["collections"],
    errors=[SignInRequiredError, TokenInvalidError, DatabaseUnavailableError, InternalError],
)
shared_router = JsonRouter(
    prefix="/api/v1/shared",
    tags=["collections"],
    errors=[NotFoundError, TooManyUnknownKeysError, TokenInvalidError, DatabaseUnavailableError, InternalError],
)


@router.post(
    "",
    status_code=201,
    summary="Create a collection",
    errors=[ScopeMissingError, AddressUnconfirmedError, CollectionNameTakenError, TooManyCollectionsError],
)
async def create_collection(asked: CollectionIn, account: WriterDep, factory: CollectionFactoryDep) -> CollectionOut:
    return collection_out(await factory.collections.create(account.id, asked.name), factory.public_url)


@router.get("", summary="List my collections")
async def list_collections(account: AccountDep, factory: CollectionFactoryDep) -> CollectionsOut:
    """All my collections, sorted by name."""
    found = await factory.collections.list(account.id)
    return CollectionsOut(items=[collection_out(collection, factory.public_url) for collection in found])


@router.get("/{collection_id}", summary="Get a collection", errors=[NotFoundError])
async def get_collection(collection_id: UUID, account: AccountDep, factory: CollectionFactoryDep) -> CollectionOut:
    return collection_out(await factory.collections.get(account.id, collection_id), factory.public_url)


@router.patch(
    "/{collection_id}",
    summary="Rename, share or unshare a collection",
    errors=[ScopeMissingError, NotFoundError, CollectionNameTakenError],
)
async def change_collection(
    collection_id: UUID,
    change: CollectionChangeIn,
    account: WriterDep,
    factory: CollectionFactoryDep,
) -> CollectionOut:
    """Anyone with the link of a shared collection can read the list; only I can change it."""
    collection = await factory.collections.change(
        account.id, collection_id, name=change.name, is_shared=change.is_shared
    )
    return collection_out(collection, factory.public_url)


@router.delete(
    "/{collection_id}",
    status_code=204,
    summary="Delete a collection",
    errors=[ScopeMissingError, NotFoundError],
)
async def delete_collection(collection_id: UUID, account: WriterDep, factory: CollectionFactoryDep) -> None:
    """The entries in it stay."""
    await factory.collections.delete(account.id, collection_id)


@router.get(
    "/{collection_id}/entries",
    summary="List the entries of a collection",
    errors=[NotFoundError],
)
async def list_collection_entries(
    collection_id: UUID,
    account: AccountDep,
    factory: CollectionFactoryDep,
    position: PositionDep,
    limit: LimitDep = DEFAULT_PAGE_SIZE,
) -> CollectedEntriesOut:
    page = await factory.collections.list_entries(account.id, collection_id, after=position, limit=limit)
    return entries_out(page, factory.public_url, Actor(account_id=account.id))


@router.post(
    "/{collection_id}/entries",
    summary="Add many entries to a collection",
    errors=[ScopeMissingError, NotFoundError, TooManyUnknownKeysError],
)
async def add_entries(
    collection_id: UUID, asked: ManyEntriesIn, account: WriterDep, factory: CollectionFactoryDep
) -> AddedEntriesOut:
    """Adds the live entries that I may see: my own, and those of others that are not private."""
    added = await factory.collections.add_many(account.id, collection_id, asked.keys)
    not_added = [key for key in dict.fromkeys(asked.keys) if key not in set(added)]
    return AddedEntriesOut(added=added, not_added=not_added)


@router.put(
    "/{collection_id}/entries/{entry_key}",
    status_code=204,
    summary="Add an entry to a collection",
    errors=[ScopeMissingError, NotFoundError, EntryEndedError, TooManyUnknownKeysError],
)
async def add_entry(collection_id: UUID, entry_key: str, account: WriterDep, factory: CollectionFactoryDep) -> None:
    """No change if the entry is in the collection already."""
    await factory.collections.add(account.id, collection_id, entry_key)


@router.delete(
    "/{collection_id}/entries/{entry_key}",
    status_code=204,
    summary="Remove an entry from a collection",
    errors=[ScopeMissingError, NotFoundError],
)
async def remove_entry(collection_id: UUID, entry_key: str, account: WriterDep, factory: CollectionFactoryDep) -> None:
    """The entry itself stays. No change if it is not in the collection."""
    await factory.collections.remove(account.id, collection_id, entry_key)


@shared_router.get("/{shared_key}", summary="Read a shared collection", openapi_extra=FOR_GUESTS_TOO)
async def read_shared_collection(
    shared_key: str,
    account: CurrentAccountDep,
    factory: CollectionFactoryDep,
    position: PositionDep,
    limit: LimitDep = DEFAULT_PAGE_SIZE,
) -> SharedCollectionOut:
    """The entries that the reader may see: private ones are listed for their owner alone."""
    reader_id = account.id if account else None
    collection, page = await factory.shared_collections.open(
        shared_key, reader_id=reader_id, after=position, limit=limit
    )
    return shared_out(collection, page, factory.public_url)
