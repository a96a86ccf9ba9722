"""Accounts that own nothing and whose address was never confirmed: made by programs, or with a mistyped address."""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, select, true

from main_service.accounts.models import Account, ApiToken
from main_service.collections.models import Collection
from main_service.engines.postgres import Session
from main_service.entries.models import Entry
from main_service.reports.models import Report

_columns = Account.__table__.c


def _owns_nothing() -> ColumnElement[bool]:
    """An ended entry counts too: it may still be in its owner's statistics."""
    return and_(
        ~exists().where(Entry.owner_id == _columns.id),
        ~exists().where(Collection.owner_id == _columns.id),
        ~exists().where(ApiToken.account_id == _columns.id),
        ~exists().where(Report.owner_id == _columns.id),
    )


async def delete_unconfirmed(session: Session, *, older_than: timedelta, limit: int) -> int:
    """Delete at most `limit` such accounts registered longer ago than that; return how many.

    One that was disabled stays, or its address could be registered anew. A superuser's always stays.
    """
    found = (
        select(_columns.id)
        .where(
            _columns.is_verified == false(),
            _columns.is_superuser == false(),
            _columns.registered_at < func.now() - older_than,
            _columns.is_active == true(),
            _columns.left_at.is_(None),
            _owns_nothing(),
        )
        .order_by(_columns.registered_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    account_ids = (await session.execute(found)).scalars().all()
    if not account_ids:
        return 0
    # Asked once more, in a statement of its own: something may have been made until the rows were locked.
    unowning = delete(Account).where(_columns.id.in_(account_ids), _owns_nothing()).returning(_columns.id)
    execution = unowning.execution_options(synchronize_session=False)
    return len((await session.execute(execution)).scalars().all())
