"""The tables of collections."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from main_service.accounts.models import Account
from main_service.engines.postgres import Base
from main_service.entries.models import Entry


class Collection(Base):
    """A set of entries, the owner's and those of others. Its name is unique per owner, ignoring case."""

    __tablename__ = "collection"
    __table_args__ = (Index("uq_collection_owner_id_name", "owner_id", func.lower(text("name")), unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey(Account.__table__.c.id, ondelete="CASCADE"))
    name: Mapped[str]
    shared_key: Mapped[str | None] = mapped_column(Text(collation="C"), unique=True)
    """What follows `/c/` in its link; None: it is not shared."""
    created_at: Mapped[datetime]


class SharedKey(Base):
    """A key under which a collection was ever shared. It is never deleted, because people still have the link."""

    __tablename__ = "shared_key"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey(Account.__table__.c.id, ondelete="SET NULL"), index=True)
    """The only user who may share under it again; None: the account is gone, and no one may."""


class CollectionEntry(Base):
    """An entry in a collection."""

    __tablename__ = "collection_entry"
    __table_args__ = (Index("ix_collection_entry_added_at", "collection_id", "added_at", "entry_key"),)

    collection_id: Mapped[UUID] = mapped_column(ForeignKey(Collection.id, ondelete="CASCADE"), primary_key=True)
    entry_key: Mapped[str] = mapped_column(Text(collation="C"), ForeignKey(Entry.key), primary_key=True, index=True)
    added_at: Mapped[datetime]
