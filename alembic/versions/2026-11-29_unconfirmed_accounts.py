"""Finds accounts whose address was never confirmed by their age."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "6b2e9d03f7c8"
down_revision: str | None = "e91f4c7a2b06"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEX = "ix_account_registered_at_unconfirmed"


def upgrade() -> None:
    op.create_index(
        INDEX, "account", ["registered_at"], postgresql_where=sa.text("NOT is_verified AND NOT is_superuser")
    )


def downgrade() -> None:
    op.drop_index(INDEX, "account")
