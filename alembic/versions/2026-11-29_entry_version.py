"""The version of an entry, raised by each change of its owner, for `If-Match` and for forms."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "a4d81c6f07b3"
down_revision: str | None = "3f9b60c2e1a7"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# A program from before this migration may run beside it and raises no version. Counting sets none of these columns,
# clean-up sets them in entries that have ended, and a deleted account lets go of its entries without an owner.
RAISE_VERSION = """
CREATE FUNCTION raise_entry_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$
"""
RAISE_WHERE_FORGOTTEN = """
CREATE TRIGGER raise_entry_version
BEFORE UPDATE OF title, visibility, expires_at, has_public_statistics, original_url, body_id, syntax ON entry
FOR EACH ROW
WHEN (
    NEW.version = OLD.version
    AND NEW.ended_at IS NULL
    AND NEW.owner_id IS NOT DISTINCT FROM OLD.owner_id
    AND (
        (NEW.title, NEW.visibility, NEW.expires_at, NEW.has_public_statistics)
            IS DISTINCT FROM (OLD.title, OLD.visibility, OLD.expires_at, OLD.has_public_statistics)
        OR (NEW.original_url, NEW.body_id, NEW.syntax) IS DISTINCT FROM (OLD.original_url, OLD.body_id, OLD.syntax)
    )
)
EXECUTE FUNCTION raise_entry_version()
"""


def upgrade() -> None:
    op.add_column("entry", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.execute(RAISE_VERSION)
    op.execute(RAISE_WHERE_FORGOTTEN)


def downgrade() -> None:
    op.execute("DROP TRIGGER raise_entry_version ON entry")
    op.execute("DROP FUNCTION raise_entry_version()")
    op.drop_column("entry", "version")
