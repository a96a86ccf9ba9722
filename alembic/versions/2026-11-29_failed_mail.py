"""Finds the emails that were given up, which metrics count."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "e2c41f7a90bd"
down_revision: str | None = "56b956e13357"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_mail_failed_at", "mail", ["failed_at"], postgresql_where=sa.text("failed_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_mail_failed_at", table_name="mail")
