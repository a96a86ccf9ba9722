"""Keeps with each email, report and job the span in which it was ordered."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "56b956e13357"
down_revision: str | None = "b4d7f1c92e60"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLES = ("mail", "report", "admin_task")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("trace_parent", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "trace_parent")
