"""Keys under which collections were ever shared, and by whom: none of them is given to another user."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "c6e02b91d7f4"
down_revision: str | None = "91c4e7a2d350"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# A program from before this migration may run beside it, and remembers no key.
REMEMBER = """
CREATE FUNCTION remember_shared_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shared_key (key, owner_id) VALUES (NEW.shared_key, NEW.owner_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$
"""
REMEMBER_WHERE_FORGOTTEN = """
CREATE TRIGGER remember_shared_key
AFTER INSERT OR UPDATE OF shared_key ON collection
FOR EACH ROW WHEN (NEW.shared_key IS NOT NULL)
EXECUTE FUNCTION remember_shared_key()
"""


def upgrade() -> None:
    op.create_table(
        "shared_key",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("owner_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("key", name="pk_shared_key"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["account.id"], name="fk_shared_key_owner_id_account", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_shared_key_owner_id", "shared_key", ["owner_id"])
    op.execute(REMEMBER)
    op.execute(REMEMBER_WHERE_FORGOTTEN)
    op.execute(
        "INSERT INTO shared_key (key, owner_id) SELECT shared_key, owner_id FROM collection"
        " WHERE shared_key IS NOT NULL ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER remember_shared_key ON collection")
    op.execute("DROP FUNCTION remember_shared_key()")
    op.drop_table("shared_key")
