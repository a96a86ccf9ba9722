"""Entries, their texts to delete, and changes that Redis may not have."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "9ada89538333"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "entry",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("original_url", sa.Text()),
        sa.Column("body_id", sa.Uuid()),
        sa.Column("size_bytes", sa.Integer()),
        sa.Column("syntax", sa.Text()),
        sa.Column("ended_at", INSTANT),
        sa.Column("archival_reason", sa.String(16)),
        sa.Column("body_deleted_at", INSTANT),
        sa.PrimaryKeyConstraint("key", name="pk_entry"),
        sa.CheckConstraint("kind IN ('paste', 'link')", name=op.f("ck_entry_kind")),
        sa.CheckConstraint("visibility IN ('public', 'unlisted')", name=op.f("ck_entry_visibility")),
        sa.CheckConstraint("archival_reason IN ('deleted', 'expired')", name=op.f("ck_entry_archival_reason")),
        sa.CheckConstraint(
            "ended_at IS NOT NULL OR (kind = 'link' AND original_url IS NOT NULL AND body_id IS NULL)"
            " OR (kind = 'paste' AND body_id IS NOT NULL AND size_bytes IS NOT NULL AND original_url IS NULL)",
            name=op.f("ck_entry_live_content"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (archival_reason IS NULL)", name=op.f("ck_entry_ended_with_reason")),
    )
    op.create_index("ix_entry_expires_at_live", "entry", ["expires_at"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index(
        "ix_entry_ended_at_full",
        "entry",
        ["ended_at"],
        postgresql_where=sa.text("ended_at IS NOT NULL AND (original_url IS NOT NULL OR body_id IS NOT NULL)"),
    )
    op.create_index(
        "uq_entry_body_id", "entry", ["body_id"], unique=True, postgresql_where=sa.text("body_id IS NOT NULL")
    )
    op.create_table(
        "body_to_delete",
        sa.Column("body_id", sa.Uuid(), nullable=False),
        sa.Column("queued_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("body_id", name="pk_body_to_delete"),
    )
    op.create_index("ix_body_to_delete_queued_at", "body_to_delete", ["queued_at"])
    op.create_table(
        "stale_key",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("applied_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_stale_key"),
    )


def downgrade() -> None:
    op.drop_table("stale_key")
    op.drop_table("body_to_delete")
    op.drop_table("entry")
