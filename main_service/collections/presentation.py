"""How collections are shown: their addresses, and their form on the wire."""

from main_service.collections.schemas import (
    CollectedEntriesOut,
    CollectionOut,
    SharedCollectionOut,
)
from main_service.collections.service import EntryPage
from main_service.collections.storage import OwnCollection, SharedCollection
from main_service.entries.presentation import entry_out
from main_service.entries.rights import Asker
from main_service.entries.schemas import LinkOut, PasteOut


def shared_address(public_url: str, shared_key: str) -> str:
    return f"{public_url}/c/{shared_key}"


def collection_out(collection: OwnCollection, public_url: str) -> CollectionOut:
    return CollectionOut(
        id=collection.id,
        name=collection.name,
        shared_url=collection.shared_key and shared_address(public_url, collection.shared_key),
        created_at=collection.created_at,
        entry_count=collection.entry_count,
    )


def entries_out(page: EntryPage, public_url: str, asker: Asker) -> CollectedEntriesOut:
    """For the owner of the collection, who manages some of its entries."""
    items: list[PasteOut | LinkOut] = [
        entry_out(item.entry, public_url, to_manager=asker.owns(item.entry)) for item in page.items
    ]
    return CollectedEntriesOut(items=items, next_cursor=page.next and page.next.cursor)


def shared_out(collection: SharedCollection, page: EntryPage, public_url: str) -> SharedCollectionOut:
    """For anybody: even the owner of an entry sees here what others see of it."""
    items: list[PasteOut | LinkOut] = [entry_out(item.entry, public_url, to_manager=False) for item in page.items]
    return SharedCollectionOut(name=collection.name, items=items, next_cursor=page.next and page.next.cursor)
