"""Sums of whole months of visits, and room for the counts of the present one."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "6f2c9d814b07"
down_revision: str | None = "7c3e52a9d1f8"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "visit_month",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("people", sa.BigInteger()),
        sa.Column("bots", sa.BigInteger()),
        sa.Column("visitors", sa.BigInteger()),
        sa.PrimaryKeyConstraint("key", "month", name="pk_visit_month"),
    )
    op.create_table(
        "visit_month_value",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "month", "dimension", "value", name="pk_visit_month_value"),
    )
    # The months that there are already are summed up by the task.
    op.execute(
        "INSERT INTO visit_month (key, month)"
        " SELECT DISTINCT key, CAST(date_trunc('month', hour_at AT TIME ZONE 'UTC') AS date) FROM visit_hour"
    )
    op.create_index(
        "ix_visit_month_not_summed", "visit_month", ["month", "key"], postgresql_where=sa.text("people IS NULL")
    )
    # Room for the new version of a row beside the old one, so that no index has to learn of it.
    for table in ("visit_hour", "visit_day_value"):
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")


def downgrade() -> None:
    for table in ("visit_hour", "visit_day_value"):
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
    op.drop_table("visit_month_value")
    op.drop_table("visit_month")
