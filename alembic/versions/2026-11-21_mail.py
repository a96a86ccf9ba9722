"""Letters that wait to be sent."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision: str = "5e0c93ab7d18"
down_revision: str | None = "c41d7f02b6ae"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cause", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("values", JSONB(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("failed_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
        sa.UniqueConstraint("cause", name="uq_mail_cause"),
    )
    op.create_index(
        "ix_mail_due_at_waiting", "mail", ["due_at"], postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL")
    )
    op.create_index("ix_mail_created_at", "mail", ["created_at"])


def downgrade() -> None:
    op.drop_table("mail")
