"""How often an entry was claimed, so that manage tokens from before a claim stay void."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "3f9b60c2e1a7"
down_revision: str | None = "d8a3f4170c5e"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("entry", sa.Column("manage_generation", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("entry", "manage_generation")
