"""Figures that another installation counted, by month, and the visits of crawlers among them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "b5d20f6e81c4"
down_revision: str | None = "c6e02b91d7f4"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "entry", sa.Column("imported_bot_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_table(
        "imported_figures",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("people", "bots", "visitors")),
        sa.Column("days", postgresql.JSONB(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "month", name="pk_imported_figures"),
    )


def downgrade() -> None:
    op.drop_table("imported_figures")
    op.drop_column("entry", "imported_bot_count")
