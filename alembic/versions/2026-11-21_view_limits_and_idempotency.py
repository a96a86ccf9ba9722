"""View limits, texts that are deleted after a while, and requests that may be repeated."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "c41d7f02b6ae"
down_revision: str | None = "9ada89538333"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("entry", sa.Column("views_left", sa.Integer()))
    op.create_check_constraint(
        op.f("ck_entry_views_left"), "entry", "views_left > 0 OR (views_left = 0 AND ended_at IS NOT NULL)"
    )
    op.drop_constraint(op.f("ck_entry_archival_reason"), "entry")
    op.create_check_constraint(
        op.f("ck_entry_archival_reason"), "entry", "archival_reason IN ('deleted', 'expired', 'viewed')"
    )
    op.alter_column("body_to_delete", "queued_at", new_column_name="due_at")
    op.execute("ALTER INDEX ix_body_to_delete_queued_at RENAME TO ix_body_to_delete_due_at")
    op.create_table(
        "idempotency_key",
        sa.Column("scope", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("entry_key", sa.Text(collation="C"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])


def downgrade() -> None:
    """What has a view limit ends: the former schema would show it to everybody."""
    op.drop_table("idempotency_key")
    op.execute("ALTER INDEX ix_body_to_delete_due_at RENAME TO ix_body_to_delete_queued_at")
    op.alter_column("body_to_delete", "due_at", new_column_name="queued_at")
    op.execute(
        "INSERT INTO body_to_delete (body_id)"
        " SELECT body_id FROM entry WHERE views_left IS NOT NULL AND ended_at IS NULL AND body_id IS NOT NULL"
    )
    op.execute(
        "UPDATE entry SET ended_at = now(), archival_reason = 'deleted'"
        " WHERE views_left IS NOT NULL AND ended_at IS NULL"
    )
    op.execute("UPDATE entry SET archival_reason = 'deleted' WHERE archival_reason = 'viewed'")
    op.drop_constraint(op.f("ck_entry_archival_reason"), "entry")
    op.create_check_constraint(op.f("ck_entry_archival_reason"), "entry", "archival_reason IN ('deleted', 'expired')")
    op.drop_constraint(op.f("ck_entry_views_left"), "entry")
    op.drop_column("entry", "views_left")
