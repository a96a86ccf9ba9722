"""Imports: their jobs and lines, what was imported once, and the visits that were counted elsewhere before."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "91c4e7a2d350"
down_revision: str | None = "7d15b0c4e9a2"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NOW = sa.text("now()")
COUNTERS = ("attempts", "position", "created", "known", "skipped", "failed")


def instant(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def upgrade() -> None:
    op.add_column(
        "entry", sa.Column("imported_visit_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_table(
        "import_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid()),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        instant("asked_at", server_default=NOW, nullable=False),
        instant("started_at"),
        instant("finished_at"),
        instant("stopped_at"),
        sa.Column("failure", sa.Text()),
        *(sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False) for name in COUNTERS),
        instant("file_deleted_at"),
        sa.PrimaryKeyConstraint("id", name="pk_import_job"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["account.id"], name="fk_import_job_owner_id_account", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_import_job_owner_id_asked_at", "import_job", ["owner_id", "asked_at"])
    op.create_index(
        "ix_import_job_asked_at_waiting", "import_job", ["asked_at"], postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_index(
        "ix_import_job_with_file", "import_job", ["id"], postgresql_where=sa.text("file_deleted_at IS NULL")
    )
    op.create_index("ix_import_job_finished_at", "import_job", ["finished_at"])
    op.create_table(
        "import_line",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(collation="C")),
        sa.Column("message", sa.Text()),
        sa.PrimaryKeyConstraint("job_id", "position", name="pk_import_line"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["import_job.id"], name="fk_import_line_job_id_import_job", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "imported_entry",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("source_digest", sa.LargeBinary(), nullable=False),
        sa.Column("entry_key", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "source_digest", name="pk_imported_entry"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["account.id"], name="fk_imported_entry_owner_id_account", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("imported_entry")
    op.drop_table("import_line")
    op.drop_table("import_job")
    op.drop_column("entry", "imported_visit_count")
