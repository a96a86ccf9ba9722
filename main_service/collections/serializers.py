"""Turns collections into answers of the JSON API and into what templates show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from main_service.collections.schemas import CollectedEntriesOut, CollectionOut, SharedCollectionOut
from main_service.collections.service import CollectedEntries
from main_service.collections.sharing import SharedCollection
from main_service.collections.storage import OwnCollection
from main_service.entries.entry import LiveEntry
from main_service.entries.permissions import Actor
from main_service.entries.schemas import LinkOut, PasteOut
from main_service.entries.serializers import PageEntry, entry_out, page_entry


@dataclass(frozen=True)
class CollectionItem:
    """An entry of a collection, as a template shows it."""

    entry: PageEntry
    added_at: datetime


def collection_items(page: CollectedEntries, public_url: str, actor: Actor) -> Sequence[CollectionItem]:
    """Entries for a template. Title and target of an entry with a view limit are shown to its owner alone."""

    def shown(entry: LiveEntry) -> LiveEntry:
        is_hidden = entry.views_left is not None and not actor.owns(entry)
        return entry.without_content() if is_hidden else entry

    return [CollectionItem(page_entry(shown(item.entry), public_url), item.added_at) for item in page.items]


def shared_url(public_url: str, shared_key: str) -> str:
    """The link of a shared collection."""
    return f"{public_url}/c/{shared_key}"


def collection_out(collection: OwnCollection, public_url: str) -> CollectionOut:
    return CollectionOut(
        id=collection.id,
        name=collection.name,
        shared_url=collection.shared_key and shared_url(public_url, collection.shared_key),
        created_at=collection.created_at,
        entry_count=collection.entry_count,
    )


def entries_out(page: CollectedEntries, public_url: str, actor: Actor) -> CollectedEntriesOut:
    """A page of entries for the owner of the collection, who may manage some of them."""
    items: list[PasteOut | LinkOut] = [
        entry_out(item.entry, public_url, to_manager=actor.owns(item.entry)) for item in page.items
    ]
    return CollectedEntriesOut(items=items, next_cursor=page.next_cursor)


def shared_out(collection: SharedCollection, page: CollectedEntries, public_url: str) -> SharedCollectionOut:
    """A page of entries for readers of a shared collection. The owner of an entry is shown no more than others."""
    items: list[PasteOut | LinkOut] = [entry_out(item.entry, public_url, to_manager=False) for item in page.items]
    return SharedCollectionOut(name=collection.name, items=items, next_cursor=page.next_cursor)
