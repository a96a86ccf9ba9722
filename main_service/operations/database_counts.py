"""How much waits in PostgreSQL, counted at a scrape: by indexes, and no further than to a bound."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Select, func, literal, literal_column, select, text

from main_service.engines.postgres import Session
from main_service.entries.models import BodyToDelete, Invalidation
from main_service.mail.outbox import Mail

MAX_COUNTED = 100_000
"""Counts stop here, so that none takes longer than about 20 ms."""

_REVISIONS = re.compile(r'^revision: str = "(\w+)"\ndown_revision: str \| None = "?(\w+)"?$', re.MULTILINE)
_MIGRATIONS = Path(__file__).resolve().parents[2] / "alembic/versions"


class DatabaseCounts(NamedTuple):
    mail_waiting: int
    mail_failed: int
    stale_keys: int
    texts_due: int
    revision: str


def _count(rows: Select[tuple[int]]) -> Select[tuple[int]]:
    return select(func.count()).select_from(rows.limit(MAX_COUNTED).subquery())


_ONE = literal(1)
COUNTS = select(
    _count(select(_ONE).where(Mail.sent_at.is_(None), Mail.failed_at.is_(None))).scalar_subquery(),
    _count(select(_ONE).where(Mail.failed_at.is_not(None))).scalar_subquery(),
    _count(select(_ONE).select_from(Invalidation)).scalar_subquery(),
    _count(select(_ONE).where(BodyToDelete.due_at <= func.now())).scalar_subquery(),
    select(literal_column("version_num")).select_from(text("alembic_version")).limit(1).scalar_subquery(),
)


async def count(session: Session) -> DatabaseCounts:
    """All counts in one statement, and the revision of the schema.

    Raises:
        DatabaseUnavailableError
    """
    return DatabaseCounts(*(await session.execute(COUNTS)).one())


@cache
def expected_revision() -> str:
    """The newest migration that this code comes with. Alembic itself would cost each web process 5 MB."""
    names: dict[str, str] = {}
    for file in _MIGRATIONS.glob("*.py"):
        [(revision, before)] = _REVISIONS.findall(file.read_text())
        names[revision] = before
    [newest] = set(names) - set(names.values())
    return newest
