"""A user's live links by page numbers and by visits, as the APIs of other services list them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, ScalarSelect, Select, Text, and_, func, literal, or_, select

from main_service.collections.models import Collection, CollectionEntry
from main_service.engines.postgres import Session
from main_service.entries.aliases import is_key
from main_service.entries.models import Entry, Kind
from main_service.entries.storage import is_not_over, target_digest
from main_service.errors import NotFoundError
from main_service.my_entries.filters import OwnedEntry
from main_service.my_entries.search_limit import search_of
from main_service.my_entries.storage import escaped

_COLUMNS = [getattr(Entry, each.name) for each in fields(OwnedEntry)]


class LinkOrder(StrEnum):
    CREATED = "created"
    KEY = "key"
    TARGET = "target"
    TITLE = "title"
    PEOPLE = "people"
    """Sorted by visits of people."""
    VISITS = "visits"
    """Sorted by visits of people and of bots."""
    RANDOM = "random"


_BY: dict[LinkOrder, ColumnElement[Any]] = {
    LinkOrder.CREATED: Entry.created_at.expression,
    LinkOrder.KEY: Entry.key.expression,
    LinkOrder.TARGET: Entry.original_url.expression,
    LinkOrder.TITLE: func.lower(func.coalesce(Entry.title, "")),
    LinkOrder.PEOPLE: Entry.visit_count.expression,
    LinkOrder.VISITS: Entry.visit_count + Entry.bot_count,
    LinkOrder.RANDOM: func.random(),
}


@dataclass(frozen=True)
class LinkFilters:
    """Conditions of a list of links. None or empty: no condition."""

    q: str = ""
    """Text that key, title or target contain, ignoring case."""
    collections: Sequence[str] = ()
    """Names of collections of the owner, ignoring case."""
    is_in_all: bool = False
    """Whether a link is in all of `collections`, and not in at least one."""
    not_in: Sequence[str] = ()
    """Names of collections that a link is in none of."""
    first_at: datetime | None = None
    """Links that were created then or later."""
    last_at: datetime | None = None
    """Links that were created then or earlier."""


@dataclass(frozen=True)
class OwnedLink:
    """A live link as its owner sees it."""

    entry: OwnedEntry
    bot_count: int
    collections: list[str] = field(default_factory=list)
    """The names of the owner's collections that it is in, sorted."""

    @property
    def target(self) -> str:
        assert self.entry.original_url is not None, "a live link has a target"
        return self.entry.original_url


@dataclass(frozen=True)
class LinkPage:
    links: list[OwnedLink]
    total: int
    """How many links match, on this page and all others."""


class NumberedLinks:
    """The live links of one user per call. Links of other users raise NotFoundError, as unknown keys do."""

    def __init__(self, *, session: Session, most_searches: int) -> None:
        """`most_searches`: how many lists of one user may be made at the same time."""
        self._session = session
        self._most_searches = most_searches

    async def list_page(
        self,
        owner_id: UUID,
        filters: LinkFilters | None = None,
        *,
        order: LinkOrder = LinkOrder.CREATED,
        is_descending: bool = True,
        offset: int = 0,
        limit: int,
    ) -> LinkPage:
        """At most `limit` links behind the first `offset`, and how many there are in all.

        Raises:
            TooManySearchesError: too many lists of the owner are being made: each reads all links of the owner.
        """
        conditions = [*_live_links(owner_id), *_conditions(owner_id, filters or LinkFilters())]
        counted = select(func.count()).select_from(Entry).where(*conditions)
        by = [_BY[order], Entry.key.expression]
        sorted_by = [each.desc() if is_descending else each for each in by]
        statement = select(*_COLUMNS, Entry.bot_count).where(*conditions).order_by(*sorted_by)
        with search_of(owner_id, most=self._most_searches):
            total = (await self._session.execute(counted)).scalar_one()
            rows = (await self._session.execute(statement.offset(offset).limit(limit))).all()
        return LinkPage(await self._with_collections(owner_id, [tuple(row) for row in rows]), total)

    async def get(self, owner_id: UUID, key: str) -> OwnedLink:
        """A live link of the owner.

        Raises:
            NotFoundError: the owner has no such link.
        """
        if is_key(key) and (link := await self._find(owner_id, Entry.key == key)):
            return link
        raise NotFoundError

    async def find_same(self, owner_id: UUID, original_url: str) -> OwnedLink | None:
        """The newest link of the owner to exactly this target whose views are not limited; None: there is none."""
        is_same = and_(Entry.target_digest == target_digest(original_url), Entry.views_left.is_(None))
        return await self._find(owner_id, is_same)

    async def _find(self, owner_id: UUID, condition: ColumnElement[bool]) -> OwnedLink | None:
        statement = select(*_COLUMNS, Entry.bot_count).where(*_live_links(owner_id), condition)
        row = (await self._session.execute(statement.order_by(Entry.created_at.desc(), Entry.key).limit(1))).first()
        return None if row is None else (await self._with_collections(owner_id, [tuple(row)]))[0]

    async def _with_collections(self, owner_id: UUID, rows: list[tuple[Any, ...]]) -> list[OwnedLink]:
        found = [OwnedLink(OwnedEntry(*row[:-1]), row[-1]) for row in rows]
        names = {link.entry.key: link.collections for link in found}
        statement = (
            select(CollectionEntry.entry_key, Collection.name)
            .join(Collection, Collection.id == CollectionEntry.collection_id)
            .where(Collection.owner_id == owner_id, CollectionEntry.entry_key.in_(names))
            .order_by(func.lower(Collection.name))
        )
        for key, name in (await self._session.execute(statement)).all() if names else ():
            names[key].append(name)
        return found


def _live_links(owner_id: UUID) -> list[ColumnElement[bool]]:
    return [Entry.owner_id == owner_id, Entry.kind == Kind.LINK, Entry.ended_at.is_(None), is_not_over()]


def _conditions(owner_id: UUID, filters: LinkFilters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.q:
        pattern = f"%{escaped(filters.q)}%"
        conditions.append(or_(*(each.ilike(pattern) for each in (Entry.key, Entry.title, Entry.original_url))))
    if filters.first_at is not None:
        conditions.append(Entry.created_at >= filters.first_at.astimezone(UTC))
    if filters.last_at is not None:
        conditions.append(Entry.created_at <= filters.last_at.astimezone(UTC))
    if filters.collections:
        names = _lower(filters.collections)
        members = _members(owner_id, names)
        if filters.is_in_all:
            members = members.group_by(CollectionEntry.entry_key).having(func.count() == _count(names))
        conditions.append(Entry.key.in_(members))
    if filters.not_in:
        others = _members(owner_id, _lower(filters.not_in)).where(CollectionEntry.entry_key == Entry.key)
        conditions.append(~others.exists())
    return conditions


def _lower(names: Sequence[str]) -> Select[tuple[str]]:
    """The names in lower case, each once."""
    name = func.unnest(literal(list(names), ARRAY(Text))).column_valued("name")
    return select(func.lower(name)).distinct()


def _count(names: Select[tuple[str]]) -> ScalarSelect[int]:
    return select(func.count()).select_from(names.subquery()).scalar_subquery()


def _members(owner_id: UUID, names: Select[tuple[str]]) -> Select[tuple[str]]:
    """The keys in the collections with these names. All at once: for each entry and name, it would take seconds."""
    return (
        select(CollectionEntry.entry_key)
        .join(Collection, Collection.id == CollectionEntry.collection_id)
        .where(Collection.owner_id == owner_id, func.lower(Collection.name).in_(names))
    )
