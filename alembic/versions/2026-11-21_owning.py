"""Entries of accounts, collections, ended sessions, and work that a superuser asked for."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "e4a7c2189b50"
down_revision: str | None = "5b0e6f1c93d2"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)
OWNED = sa.text("owner_id IS NOT NULL")
FULL = "ended_at IS NOT NULL AND (original_url IS NOT NULL OR body_id IS NOT NULL)"


def upgrade() -> None:
    op.add_column("account", sa.Column("left_at", INSTANT))
    op.add_column("account", sa.Column("leaves_entries", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_account_left_at", "account", ["left_at"], postgresql_where=sa.text("left_at IS NOT NULL"))

    op.alter_column("entry", "expires_at", nullable=True)
    op.add_column("entry", sa.Column("owner_id", sa.Uuid()))
    op.add_column("entry", sa.Column("target_digest", sa.LargeBinary()))
    op.add_column("entry", sa.Column("last_visit_at", INSTANT))
    op.execute(
        "UPDATE entry SET target_digest = sha256(convert_to(original_url, 'UTF8')) WHERE original_url IS NOT NULL"
    )
    op.create_foreign_key("fk_entry_owner_id_account", "entry", "account", ["owner_id"], ["id"])
    _replace_words("visibility", ("public", "unlisted", "private"))
    _replace_words("archival_reason", ("deleted", "expired", "unused", "viewed"))
    op.create_check_constraint(
        op.f("ck_entry_only_users"),
        "entry",
        "ended_at IS NOT NULL OR owner_id IS NOT NULL OR (visibility <> 'private' AND expires_at IS NOT NULL)",
    )
    for column in ("created_at", "updated_at", "expires_at", "target_digest"):
        key = [] if column == "target_digest" else ["key"]
        op.create_index(f"ix_entry_owner_id_{column}", "entry", ["owner_id", column, *key], postgresql_where=OWNED)
    op.create_index(
        "ix_entry_owner_id_title",
        "entry",
        ["owner_id", sa.text("lower(title)"), "key"],
        postgresql_where=OWNED,
    )
    # Trusted extensions: the owner of the database may create them.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.create_index(
        "ix_entry_owner_id_search",
        "entry",
        ["owner_id", "title", "original_url"],
        postgresql_using="gin",
        postgresql_ops={"title": "gin_trgm_ops", "original_url": "gin_trgm_ops"},
        postgresql_with={"gin_pending_list_limit": 256},
        postgresql_where=OWNED,
    )
    op.create_index(
        "ix_entry_last_use_live",
        "entry",
        [sa.text("greatest(updated_at, last_visit_at)")],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index("ix_entry_ended_at_full", "entry")
    for name, owner in (("guest", "owner_id IS NULL"), ("user", "owner_id IS NOT NULL")):
        op.create_index(
            f"ix_entry_ended_at_full_{name}", "entry", ["ended_at"], postgresql_where=sa.text(f"{FULL} AND {owner}")
        )

    op.create_table(
        "ended_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ended_session"),
    )
    op.create_index("ix_ended_session_expires_at", "ended_session", ["expires_at"])
    op.create_table(
        "collection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shared_key", sa.Text(collation="C")),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_collection"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["account.id"], name="fk_collection_owner_id_account", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("shared_key", name="uq_collection_shared_key"),
    )
    op.create_index("uq_collection_owner_id_name", "collection", ["owner_id", sa.text("lower(name)")], unique=True)
    op.create_table(
        "collection_entry",
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("entry_key", sa.Text(collation="C"), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("collection_id", "entry_key", name="pk_collection_entry"),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collection.id"],
            name="fk_collection_entry_collection_id_collection",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["entry_key"], ["entry.key"], name="fk_collection_entry_entry_key_entry"),
    )
    op.create_index("ix_collection_entry_entry_key", "collection_entry", ["entry_key"])
    op.create_index("ix_collection_entry_added_at", "collection_entry", ["collection_id", "added_at", "entry_key"])
    op.create_table(
        "admin_task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work", sa.String(16), nullable=False),
        sa.Column("days", sa.Integer()),
        sa.Column("asked_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("result", sa.dialects.postgresql.JSONB()),
        sa.Column("failure", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_admin_task"),
        sa.CheckConstraint("work IN ('clean_up', 'archive_unused')", name=op.f("ck_admin_task_work")),
    )
    op.create_index(
        "ix_admin_task_asked_at_open", "admin_task", ["asked_at"], postgresql_where=sa.text("finished_at IS NULL")
    )


def downgrade() -> None:
    """What is private or has no end ends: the former schema would show it to everybody, or for ever.

    The extensions stay: something else in the database may use them by now.
    """
    op.drop_table("admin_task")
    op.drop_table("collection_entry")
    op.drop_table("collection")
    op.drop_table("ended_session")
    ending = "ended_at IS NULL AND (visibility = 'private' OR expires_at IS NULL)"
    op.execute(f"INSERT INTO body_to_delete (body_id) SELECT body_id FROM entry WHERE {ending} AND body_id IS NOT NULL")  # noqa: S608
    op.execute(f"UPDATE entry SET ended_at = now(), archival_reason = 'deleted' WHERE {ending}")  # noqa: S608
    op.execute("UPDATE entry SET visibility = 'unlisted' WHERE visibility = 'private'")
    op.execute("UPDATE entry SET archival_reason = 'deleted' WHERE archival_reason = 'unused'")
    op.execute("UPDATE entry SET expires_at = ended_at WHERE expires_at IS NULL")
    for name in ("guest", "user"):
        op.drop_index(f"ix_entry_ended_at_full_{name}", "entry")
    op.create_index("ix_entry_ended_at_full", "entry", ["ended_at"], postgresql_where=sa.text(FULL))
    op.drop_index("ix_entry_last_use_live", "entry")
    for column in ("created_at", "updated_at", "expires_at", "target_digest", "title", "search"):
        op.drop_index(f"ix_entry_owner_id_{column}", "entry")
    op.drop_constraint(op.f("ck_entry_only_users"), "entry")
    _replace_words("archival_reason", ("deleted", "expired", "viewed"))
    _replace_words("visibility", ("public", "unlisted"))
    op.drop_constraint("fk_entry_owner_id_account", "entry")
    for column in ("last_visit_at", "target_digest", "owner_id"):
        op.drop_column("entry", column)
    op.alter_column("entry", "expires_at", nullable=False)
    op.drop_index("ix_account_left_at", "account")
    op.drop_column("account", "leaves_entries")
    op.drop_column("account", "left_at")


def _replace_words(column: str, words: tuple[str, ...]) -> None:
    """Let a column of `entry` hold these words."""
    op.drop_constraint(op.f(f"ck_entry_{column}"), "entry")
    op.create_check_constraint(op.f(f"ck_entry_{column}"), "entry", f"{column} IN {words}")
