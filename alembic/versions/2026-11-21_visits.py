"""Visits, and what is counted of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "b1f60d7e3a94"
down_revision: str | None = "e4a7c2189b50"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("account", sa.Column("counts_own_visits", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("entry", sa.Column("visit_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("entry", sa.Column("bot_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("entry", sa.Column("has_public_statistics", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "visit",
        sa.Column("visited_at", INSTANT, nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("owner_id", sa.Uuid()),
        sa.Column("ip", postgresql.INET()),
        *(
            sa.Column(name, sa.Text())
            for name in (
                *("country", "device_type", "browser", "os", "language"),
                *("referrer", "referrer_domain", "domain_1st", "domain_2nd"),
            )
        ),
        sa.Column("is_bot", sa.Boolean(), nullable=False),
        postgresql_partition_by="RANGE (visited_at)",
    )
    op.create_index("ix_visit_visited_at", "visit", ["visited_at"], postgresql_using="brin")
    op.create_index("ix_visit_key_visited_at", "visit", ["key", "visited_at"])
    # Whatever has no month of its own yet.
    op.execute("CREATE TABLE visit_default PARTITION OF visit DEFAULT")
    op.create_table(
        "visit_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ingested_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_visit_batch"),
    )
    op.create_index("ix_visit_batch_ingested_at", "visit_batch", ["ingested_at"])
    op.create_table(
        "visit_hour",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("hour_at", INSTANT, nullable=False),
        sa.Column("people", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bots", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("day_visitors", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("key", "hour_at", name="pk_visit_hour"),
    )
    # By which public entries are ranked.
    op.create_index("ix_visit_hour_hour_at", "visit_hour", ["hour_at"])
    op.create_table(
        "visit_day_value",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("visits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("key", "day", "dimension", "value", name="pk_visit_day_value"),
    )


def downgrade() -> None:
    for table in ("visit_day_value", "visit_hour", "visit_batch", "visit"):
        op.drop_table(table)
    for column in ("has_public_statistics", "bot_count", "visit_count"):
        op.drop_column("entry", column)
    op.drop_column("account", "counts_own_visits")
