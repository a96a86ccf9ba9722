"""How collections are shown: their addresses, their form on the wire and on pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from main_service.collections.schemas import CollectedEntriesOut, CollectionOut, SharedCollectionOut
from main_service.collections.service import EntryPage
from main_service.collections.storage import OwnCollection, SharedCollection
from main_service.entries.entry import LiveEntry
from main_service.entries.permissions import Actor
from main_service.entries.schemas import LinkOut, PasteOut
from main_service.entries.serializers import PageEntry, entry_out, page_entry


@dataclass(frozen=True)
class PageItem:
    """An entry in a list on a page."""

    entry: PageEntry
    added_at: datetime


def page_items(page: EntryPage, public_url: str, actor: Actor) -> Sequence[PageItem]:
    """Of entries whose views are limited, only who owns them is shown title and target."""

    def shown(entry: LiveEntry) -> LiveEntry:
        is_hidden = entry.views_left is not None and not actor.owns(entry)
        return entry.without_content() if is_hidden else entry

    return [PageItem(page_entry(shown(item.entry), public_url), item.added_at) for item in page.items]


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


def entries_out(page: EntryPage, public_url: str, actor: Actor) -> CollectedEntriesOut:
    """For the owner of the collection, who manages some of its entries."""
    items: list[PasteOut | LinkOut] = [
        entry_out(item.entry, public_url, to_manager=actor.owns(item.entry)) for item in page.items
    ]
    return CollectedEntriesOut(items=items, next_cursor=page.next_cursor)


def shared_out(collection: SharedCollection, page: EntryPage, public_url: str) -> SharedCollectionOut:
    """For anybody: even the owner of an entry sees here what others see of it."""
    items: list[PasteOut | LinkOut] = [entry_out(item.entry, public_url, to_manager=False) for item in page.items]
    return SharedCollectionOut(name=collection.name, items=items, next_cursor=page.next_cursor)
