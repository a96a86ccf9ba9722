"""The tables of entries."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Enum, ForeignKey, Identity, Index, Text, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from main_service.accounts.models import Account
from main_service.engines.postgres import Base


class Kind(StrEnum):
    PASTE = "paste"
    LINK = "link"


class Visibility(StrEnum):
    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    """Only its owner may see it: for everyone else there is nothing at its URL."""


class ArchivalReason(StrEnum):
    """The reason why an entry ended."""

    DELETED = "deleted"
    EXPIRED = "expired"
    UNUSED = "unused"
    VIEWED = "viewed"


def _words(words: type[StrEnum], name: str) -> Enum:
    """A column that holds a value of the enum as text: a new value needs a new check, not a new database type."""
    return Enum(
        words,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda enum: [word.value for word in enum],
    )


_OWNED = text("owner_id IS NOT NULL")


class Entry(Base):
    """A paste or a link, live or ended.

    A row is never deleted: the primary key is what makes sure that no key is ever given twice. Readers must check
    both `ended_at` and `expires_at`, because an entry expires by the clock and is only marked later.
    """

    __tablename__ = "entry"
    __table_args__ = (
        CheckConstraint(
            "ended_at IS NOT NULL OR (kind = 'link' AND original_url IS NOT NULL AND body_id IS NULL)"
            " OR (kind = 'paste' AND body_id IS NOT NULL AND size_bytes IS NOT NULL AND original_url IS NULL)",
            name="live_content",
        ),
        CheckConstraint("(ended_at IS NULL) = (archival_reason IS NULL)", name="ended_with_reason"),
        CheckConstraint("views_left > 0 OR (views_left = 0 AND ended_at IS NOT NULL)", name="views_left"),
        Index("ix_entry_expires_at_live", "expires_at", postgresql_where=text("ended_at IS NULL")),
        CheckConstraint(
            "ended_at IS NOT NULL OR owner_id IS NOT NULL OR (visibility <> 'private' AND expires_at IS NOT NULL)",
            name="only_users",
        ),
        *(
            Index(
                f"ix_entry_ended_at_full_{name}",
                "ended_at",
                postgresql_where=text(
                    "ended_at IS NOT NULL AND (original_url IS NOT NULL OR body_id IS NOT NULL)"
                    f" AND owner_id IS {owner}"
                ),
            )
            for name, owner in (("guest", "NULL"), ("user", "NOT NULL"))
        ),
        Index("ix_entry_owner_id_created_at", "owner_id", "created_at", "key", postgresql_where=_OWNED),
        Index("ix_entry_owner_id_updated_at", "owner_id", "updated_at", "key", postgresql_where=_OWNED),
        Index("ix_entry_owner_id_expires_at", "owner_id", "expires_at", "key", postgresql_where=_OWNED),
        Index("ix_entry_owner_id_target_digest", "owner_id", "target_digest", postgresql_where=_OWNED),
        Index("ix_entry_owner_id_title", "owner_id", func.lower(text("title")), "key", postgresql_where=_OWNED),
        Index(
            "ix_entry_owner_id_search",
            "owner_id",
            "title",
            "original_url",
            postgresql_using="gin",
            postgresql_ops={"title": "gin_trgm_ops", "original_url": "gin_trgm_ops"},
            # In KiB: the request that fills the list sorts it into the index, and none shall wait for 4 MiB of it.
            postgresql_with={"gin_pending_list_limit": 256},
            postgresql_where=_OWNED,
        ),
        Index(
            "ix_entry_last_use_live",
            func.greatest(text("updated_at"), text("last_visit_at"), text("used_at")),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("uq_entry_body_id", "body_id", unique=True, postgresql_where=text("body_id IS NOT NULL")),
    )

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    kind: Mapped[Kind] = mapped_column(_words(Kind, "kind"))
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey(Account.__table__.c.id))
    """None: a guest's, which is changed with its manage token."""
    title: Mapped[str | None]
    visibility: Mapped[Visibility] = mapped_column(_words(Visibility, "visibility"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    """Raised by each change of its owner; visits and views leave it as it is."""
    expires_at: Mapped[datetime | None]
    """None: it never expires, which only entries with an owner may."""
    last_visit_at: Mapped[datetime | None]
    """When a person last visited it, as far as visits are counted; it moves together with `visit_count`."""
    used_at: Mapped[datetime | None]
    """When it was last read, whatever for and by crawlers too, to the day: a reader that finds no cached entry notes
    it, unless a use or a visit was noted within a day, and the cached entry that it makes answers for a day. So its
    last use is at most two days after the latest of `updated_at`, `last_visit_at` and this."""
    visit_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Visits of people."""
    bot_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    imported_visit_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Visits that were counted elsewhere before it was imported; in no other figure."""
    imported_bot_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Visits of crawlers that were."""
    manage_generation: Mapped[int] = mapped_column(server_default=text("0"))
    """How often it was claimed. The manage token is derived from it, so that a claim makes earlier tokens void for
    good."""
    has_public_statistics: Mapped[bool] = mapped_column(server_default=false())
    """Whether everyone who may see the entry may see its statistics."""
    views_left: Mapped[int | None]
    """None: unlimited."""
    original_url: Mapped[str | None]
    target_digest: Mapped[bytes | None]
    """SHA-256 of `original_url`, by which its owner's entries are searched."""
    passes_query: Mapped[bool] = mapped_column(server_default=false())
    """Whether a visit's query is passed on to the target of a link."""
    body_id: Mapped[UUID | None]
    size_bytes: Mapped[int | None]
    syntax: Mapped[str | None]
    """The language that its author has named."""
    detected_syntax: Mapped[str | None]
    """The language that was detected, empty if none was found. None: not looked for, or the author has named one."""
    ended_at: Mapped[datetime | None]
    archival_reason: Mapped[ArchivalReason | None] = mapped_column(_words(ArchivalReason, "archival_reason"))
    body_deleted_at: Mapped[datetime | None]


class LinkTarget(Base):
    """The target of a link from an instant on, until its next row. Deleted when its entry is emptied.

    A link without rows was made by a release that writes none, and leads to its entry's `original_url` since then.
    """

    __tablename__ = "link_target"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    """From when on the link had this target. In whole milliseconds, like visits."""
    original_url: Mapped[str]


class BodyToDelete(Base):
    """A text to be deleted from the object store.

    Written by the transaction that ends its entry or replaces the text.
    """

    __tablename__ = "body_to_delete"

    body_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
    """When it may be deleted: readers who were let in before may still be reading it."""


class Invalidation(Base):
    """The invalidation outbox: a change that Redis may not have.

    Written by the transaction of the change. Its tombstone is written again until it is surely on Redis' disk.
    """

    __tablename__ = "stale_key"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"))
    applied_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """A request that created an entry and may be sent again. Written by the transaction that creates the entry."""

    __tablename__ = "idempotency_key"

    scope: Mapped[bytes] = mapped_column(primary_key=True)
    """A keyed digest of client, method and path."""
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    body_digest: Mapped[bytes]
    entry_key: Mapped[str] = mapped_column(Text(collation="C"))
    created_at: Mapped[datetime] = mapped_column(index=True)
