"""When an entry was last used, apart from when a person last visited it."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "c5e07b39a1d4"
down_revision: str | None = "a4d81c6f07b3"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEX = "ix_entry_last_use_live"
LIVE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """What `last_visit_at` holds stays there, for a program from before this migration looks at it alone."""
    op.add_column("entry", sa.Column("used_at", sa.DateTime(timezone=True)))
    op.drop_index(INDEX, "entry")
    op.create_index(INDEX, "entry", [sa.text("greatest(updated_at, last_visit_at, used_at)")], postgresql_where=LIVE)
    _show("last_visit_at, used_at")


def downgrade() -> None:
    """A use becomes a visit again, so that nothing that is used ends as unused."""
    op.execute(
        "UPDATE entry SET last_visit_at = greatest(last_visit_at, used_at)"
        " WHERE ended_at IS NULL AND used_at > greatest(updated_at, last_visit_at)"
    )
    _show("last_visit_at")
    op.drop_index(INDEX, "entry")
    op.create_index(INDEX, "entry", [sa.text("greatest(updated_at, last_visit_at)")], postgresql_where=LIVE)
    op.drop_column("entry", "used_at")


def _show(uses: str) -> None:
    """Make the view of what has ended anew."""
    op.execute("DROP VIEW entry_archive")
    op.execute(
        f"""
        CREATE VIEW entry_archive AS
        SELECT key, kind, owner_id, title, visibility, created_at, updated_at, expires_at, {uses},
               visit_count, bot_count, original_url, size_bytes, syntax, ended_at AS archived_at, archival_reason
        FROM entry
        WHERE ended_at IS NOT NULL
        """  # noqa: S608
    )
