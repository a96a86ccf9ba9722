"""The language of a paste that was detected, where its author names none."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "f3a86d15c0e9"
down_revision: str | None = "e2c41f7a90bd"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# A program from before this migration may run beside it, and leaves in place what was detected of another text or file
# name. It raises no version either, which is how its changes are told from ours.
FORGET = """
CREATE FUNCTION forget_detected_syntax() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.detected_syntax := NULL;
    RETURN NEW;
END
$$
"""
FORGET_WHERE_FORGOTTEN = """
CREATE TRIGGER forget_detected_syntax
BEFORE UPDATE OF title, body_id, syntax ON entry
FOR EACH ROW
WHEN (
    NEW.version = OLD.version
    AND NEW.ended_at IS NULL
    AND (NEW.title, NEW.body_id, NEW.syntax) IS DISTINCT FROM (OLD.title, OLD.body_id, OLD.syntax)
)
EXECUTE FUNCTION forget_detected_syntax()
"""


def upgrade() -> None:
    op.add_column("entry", sa.Column("detected_syntax", sa.Text()))
    op.execute(FORGET)
    op.execute(FORGET_WHERE_FORGOTTEN)


def downgrade() -> None:
    op.execute("DROP TRIGGER forget_detected_syntax ON entry")
    op.execute("DROP FUNCTION forget_detected_syntax()")
    op.drop_column("entry", "detected_syntax")
