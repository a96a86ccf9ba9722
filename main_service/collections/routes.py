"""The JSON API of collections."""

from uuid import UUID

from fastapi import APIRouter

from main_service.accounts.bearer_auth import FOR_GUESTS_TOO, AccountDep, CurrentAccountDep, WriterDep
from main_service.accounts.errors import AddressUnconfirmedError, ScopeMissingError, TokenInvalidError
from main_service.collections.dependencies import CollectionsDep, LimitDep, PositionDep, SharedCollectionsDep
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
from main_service.dependencies import SettingsDep
from main_service.entries.permissions import Asker
from main_service.entries.schemas import ManyEntriesIn
from main_service.errors import (
    DatabaseUnavailableError,
    EntryEndedError,
    NotFoundError,
    SignInRequiredError,
    TooManyUnknownKeysError,
)
from main_service.web.json_api import JsonRoute
from main_service.web.problems import InternalError, problem_responses

router = APIRouter(prefix="/api/v1", tags=["collections"], route_class=JsonRoute)

_READ = (SignInRequiredError, TokenInvalidError, DatabaseUnavailableError, InternalError)
_ONE = (*_READ, NotFoundError)
_CHANGE = (*_READ, ScopeMissingError)
_CHANGE_ONE = (*_CHANGE, NotFoundError)


@router.post(
    "/collections",
    status_code=201,
    summary="Create a collection",
    responses=problem_responses(*_CHANGE, AddressUnconfirmedError, CollectionNameTakenError, TooManyCollectionsError),
)
async def create_collection(
    asked: CollectionIn, account: WriterDep, collections: CollectionsDep, settings: SettingsDep
) -> CollectionOut:
    return collection_out(await collections.create(account.id, asked.name), settings.public_url)


@router.get("/collections", summary="List my collections", responses=problem_responses(*_READ))
async def list_collections(account: AccountDep, collections: CollectionsDep, settings: SettingsDep) -> CollectionsOut:
    """All of them, by name."""
    found = await collections.list(account.id)
    return CollectionsOut(items=[collection_out(collection, settings.public_url) for collection in found])


@router.get("/collections/{collection_id}", summary="Get a collection", responses=problem_responses(*_ONE))
async def get_collection(
    collection_id: UUID, account: AccountDep, collections: CollectionsDep, settings: SettingsDep
) -> CollectionOut:
    return collection_out(await collections.get(account.id, collection_id), settings.public_url)


@router.patch(
    "/collections/{collection_id}",
    summary="Rename a collection, share it or end that",
    responses=problem_responses(*_CHANGE_ONE, CollectionNameTakenError),
)
async def change_collection(
    collection_id: UUID,
    change: CollectionChangeIn,
    account: WriterDep,
    collections: CollectionsDep,
    settings: SettingsDep,
) -> CollectionOut:
    """Whoever has the address of a shared collection reads the list; only its owner changes it."""
    collection = await collections.change(account.id, collection_id, name=change.name, is_shared=change.is_shared)
    return collection_out(collection, settings.public_url)


@router.delete(
    "/collections/{collection_id}",
    status_code=204,
    summary="Delete a collection",
    responses=problem_responses(*_CHANGE_ONE),
)
async def delete_collection(collection_id: UUID, account: WriterDep, collections: CollectionsDep) -> None:
    """The entries in it stay."""
    await collections.delete(account.id, collection_id)


@router.get(
    "/collections/{collection_id}/entries",
    summary="List the entries of a collection",
    responses=problem_responses(*_ONE),
)
async def list_collection_entries(
    collection_id: UUID,
    account: AccountDep,
    collections: CollectionsDep,
    settings: SettingsDep,
    position: PositionDep,
    limit: LimitDep = DEFAULT_PAGE_SIZE,
) -> CollectedEntriesOut:
    page = await collections.list_entries(account.id, collection_id, after=position, limit=limit)
    return entries_out(page, settings.public_url, Asker(account_id=account.id))


@router.post(
    "/collections/{collection_id}/entries",
    summary="Add many entries to a collection",
    responses=problem_responses(*_CHANGE_ONE, TooManyUnknownKeysError),
)
async def add_entries(
    collection_id: UUID, asked: ManyEntriesIn, account: WriterDep, collections: CollectionsDep
) -> AddedEntriesOut:
    """Those that are live and that I may see: mine, and those of others that are not private."""
    added = await collections.add_many(account.id, collection_id, asked.keys)
    not_added = [key for key in dict.fromkeys(asked.keys) if key not in set(added)]
    return AddedEntriesOut(added=added, not_added=not_added)


@router.put(
    "/collections/{collection_id}/entries/{entry_key}",
    status_code=204,
    summary="Add an entry to a collection",
    responses=problem_responses(*_CHANGE_ONE, EntryEndedError, TooManyUnknownKeysError),
)
async def add_entry(collection_id: UUID, entry_key: str, account: WriterDep, collections: CollectionsDep) -> None:
    """Again is harmless."""
    await collections.add(account.id, collection_id, entry_key)


@router.delete(
    "/collections/{collection_id}/entries/{entry_key}",
    status_code=204,
    summary="Take an entry out of a collection",
    responses=problem_responses(*_CHANGE_ONE),
)
async def remove_entry(collection_id: UUID, entry_key: str, account: WriterDep, collections: CollectionsDep) -> None:
    """The entry itself stays. One that is not in the collection is as good as taken out."""
    await collections.remove(account.id, collection_id, entry_key)


@router.get(
    "/shared/{shared_key}",
    summary="Read a shared collection",
    openapi_extra=FOR_GUESTS_TOO,
    responses=problem_responses(
        NotFoundError, TooManyUnknownKeysError, TokenInvalidError, DatabaseUnavailableError, InternalError
    ),
)
async def read_shared_collection(
    shared_key: str,
    account: CurrentAccountDep,
    collections: SharedCollectionsDep,
    settings: SettingsDep,
    position: PositionDep,
    limit: LimitDep = DEFAULT_PAGE_SIZE,
) -> SharedCollectionOut:
    """Those of its entries that the reader may see: private ones are listed for their owner alone."""
    reader_id = account.id if account else None
    collection, page = await collections.open(shared_key, reader_id=reader_id, after=position, limit=limit)
    return shared_out(collection, page, settings.public_url)
