"""Remembers when an email to confirm an account's address was last sent, for longer than emails are kept."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "b4d7f1c92e60"
down_revision: str | None = "6b2e9d03f7c8"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("account", sa.Column("confirmation_sent_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("account", "confirmation_sent_at")
