"""Whether a link passes the query of its visits on to its target."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "7d15b0c4e9a2"
down_revision: str | None = "f3a86d15c0e9"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("entry", sa.Column("passes_query", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("entry", "passes_query")
