"""Reports, files that go with letters, and the daily report."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "d8a3f4170c5e"
down_revision: str | None = "6f2c9d814b07"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("account", sa.Column("daily_report", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("account", sa.Column("daily_report_day", sa.Date()))
    op.create_index(
        "ix_account_daily_report_day", "account", ["daily_report_day"], postgresql_where=sa.text("daily_report")
    )
    op.add_column("mail", sa.Column("attachment", postgresql.JSONB()))
    op.create_table(
        "report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid()),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("collection_id", sa.Uuid()),
        sa.Column("collection_name", sa.Text()),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("asked_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("failure", sa.Text()),
        sa.Column("expires_at", INSTANT),
        sa.Column("file_deleted_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
        sa.ForeignKeyConstraint(["owner_id"], ["account.id"], name="fk_report_owner_id_account", ondelete="SET NULL"),
        sa.CheckConstraint("format IN ('xlsx', 'csv')", name="ck_report_format"),
        sa.CheckConstraint("first_day <= last_day", name="ck_report_days"),
        sa.CheckConstraint(
            "finished_at IS NOT NULL OR (size_bytes IS NULL AND failure IS NULL)", name="ck_report_finished"
        ),
    )
    op.create_index("ix_report_owner_id_asked_at", "report", ["owner_id", "asked_at"])
    op.create_index("ix_report_due_at_waiting", "report", ["due_at"], postgresql_where=sa.text("finished_at IS NULL"))
    op.create_index("ix_report_expires_at", "report", ["expires_at"])
    op.create_index("ix_report_given_up", "report", ["id"], postgresql_where=sa.text("owner_id IS NULL"))


def downgrade() -> None:
    op.drop_table("report")
    op.drop_column("mail", "attachment")
    op.drop_index("ix_account_daily_report_day", "account")
    op.drop_column("account", "daily_report_day")
    op.drop_column("account", "daily_report")
