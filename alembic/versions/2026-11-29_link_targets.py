"""What links led to, and since when; and the levels of the domain that each visit led to."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "e91f4c7a2b06"
down_revision: str | None = "c5e07b39a1d4"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

COLUMNS = """
    visit.visited_at, key, visit.owner_id, visit.ip, visit.country, visit.device_type, visit.browser,
    visit.os, visit.language, visit.referrer, visit.referrer_domain
"""
REST = "visit.is_bot, entry.ended_at AS archived_at, entry.archival_reason"


def upgrade() -> None:
    op.create_table(
        "link_target",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("original_url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", "valid_from", name="pk_link_target"),
    )
    op.execute("DROP VIEW visit_archive")
    op.alter_column("visit", "domain_1st", new_column_name="target_domain")
    op.alter_column("visit", "domain_2nd", new_column_name="target_subdomain")
    op.add_column("visit", sa.Column("domain_1st", sa.Text()))
    op.add_column("visit", sa.Column("domain_2nd", sa.Text()))
    # A worker from before this migration may run beside it, and writes domain and subdomain under their former names.
    op.execute(
        f"""
        CREATE VIEW visit_archive AS
        SELECT {COLUMNS},
               coalesce(visit.target_domain, visit.domain_1st) AS target_domain,
               CASE WHEN visit.target_domain IS NULL THEN visit.domain_2nd ELSE visit.target_subdomain END
                   AS target_subdomain,
               CASE WHEN visit.target_domain IS NOT NULL THEN visit.domain_1st END AS domain_1st,
               CASE WHEN visit.target_domain IS NOT NULL THEN visit.domain_2nd END AS domain_2nd,
               coalesce(
                   led.original_url,
                   -- Of a link of which there are no targets, nothing else is known.
                   CASE WHEN NOT EXISTS (SELECT FROM link_target AS any_target WHERE any_target.key = visit.key)
                        THEN entry.original_url END
               ) AS original_url,
               {REST}
        FROM visit JOIN entry USING (key) LEFT JOIN LATERAL (
            SELECT link_target.original_url FROM link_target
            WHERE link_target.key = visit.key AND link_target.valid_from <= visit.visited_at
            ORDER BY link_target.valid_from DESC LIMIT 1
        ) AS led ON true
        WHERE entry.ended_at IS NOT NULL
        """  # noqa: S608
    )


def downgrade() -> None:
    op.execute("DROP VIEW visit_archive")
    op.drop_column("visit", "domain_2nd")
    op.drop_column("visit", "domain_1st")
    op.alter_column("visit", "target_subdomain", new_column_name="domain_2nd")
    op.alter_column("visit", "target_domain", new_column_name="domain_1st")
    op.drop_table("link_target")
    op.execute(
        f"""
        CREATE VIEW visit_archive AS
        SELECT {COLUMNS}, visit.domain_1st, visit.domain_2nd, {REST}
        FROM visit JOIN entry USING (key)
        WHERE entry.ended_at IS NOT NULL
        """  # noqa: S608
    )
