"""What has ended, with its visits, as views for operators: an entry ends in its row, so nothing is copied or moved."""

from collections.abc import Sequence

from alembic import op

revision: str = "7c3e52a9d1f8"
down_revision: str | None = "b1f60d7e3a94"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE VIEW entry_archive AS
        SELECT key, kind, owner_id, title, visibility, created_at, updated_at, expires_at, last_visit_at,
               visit_count, bot_count, original_url, size_bytes, syntax, ended_at AS archived_at, archival_reason
        FROM entry
        WHERE ended_at IS NOT NULL
        """
    )
    op.execute(
        """
        CREATE VIEW visit_archive AS
        SELECT visit.visited_at, key, visit.owner_id, visit.ip, visit.country, visit.device_type, visit.browser,
               visit.os, visit.language, visit.referrer, visit.referrer_domain, visit.domain_1st, visit.domain_2nd,
               visit.is_bot, entry.ended_at AS archived_at, entry.archival_reason
        FROM visit JOIN entry USING (key)
        WHERE entry.ended_at IS NOT NULL
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW visit_archive")
    op.execute("DROP VIEW entry_archive")
