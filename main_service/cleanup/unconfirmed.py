"""Accounts that own nothing and whose address was never confirmed, in PostgreSQL: made by bots, or by mistake."""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, select, text, true

from main_service.accounts.models import Account, ApiToken
from main_service.collections.models import Collection
from main_service.engines.postgres import Session
from main_service.entries.models import Entry
from main_service.reports.models import Report
from main_service.transfer.models import ImportJob

_columns = Account.__table__.c

_NOTE_SENT = text(
    """
    WITH sent AS MATERIALIZED (
        SELECT lower(recipient) AS email, max(sent_at) AS sent_at
        FROM mail
        WHERE letter = 'confirm' AND sent_at IS NOT NULL
        GROUP BY 1
    ), found AS (
        SELECT account.id, sent.sent_at
        FROM account JOIN sent ON lower(account.email) = sent.email
        WHERE NOT account.is_verified AND NOT account.is_superuser AND account.left_at IS NULL
            AND sent.sent_at > account.registered_at
            AND (account.confirmation_sent_at IS NULL OR account.confirmation_sent_at < sent.sent_at)
        ORDER BY account.id
        LIMIT :limit
        FOR NO KEY UPDATE OF account
    )
    UPDATE account SET confirmation_sent_at = found.sent_at FROM found WHERE account.id = found.id
    RETURNING account.id
    """
)


def _owns_nothing() -> ColumnElement[bool]:
    """Whether an account owns nothing. An ended entry counts: it may still be in its owner's statistics."""
    return and_(
        ~exists().where(Entry.owner_id == _columns.id),
        ~exists().where(Collection.owner_id == _columns.id),
        ~exists().where(ApiToken.account_id == _columns.id),
        ~exists().where(Report.owner_id == _columns.id),
        ~exists().where(ImportJob.owner_id == _columns.id),
    )


async def note_sent_confirmations(session: Session, *, limit: int) -> int:
    """Store, for at most `limit` accounts, when an email to confirm the address was last sent; return for how many.

    Emails are purged after 30 days, so this has to be done in that time. An email that was sent to an earlier
    account of the same address doesn't count.
    """
    return len((await session.execute(_NOTE_SENT, {"limit": limit})).scalars().all())


async def delete_unconfirmed(session: Session, *, older_than: timedelta, limit: int) -> int:
    """Delete at most `limit` accounts that own nothing and were not confirmed; return how many.

    They were registered, and the last email to confirm them was sent, longer ago than `older_than`: an account that
    was sent none, or only lately, could not be confirmed. A disabled account stays, or its address could be
    registered again. A superuser's always stays.
    """
    found = (
        select(_columns.id)
        .where(
            _columns.is_verified == false(),
            _columns.is_superuser == false(),
            _columns.registered_at < func.now() - older_than,
            _columns.confirmation_sent_at < func.now() - older_than,
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
    # Checked again in a separate statement: something may have been created before the rows were locked.
    unowning = delete(Account).where(_columns.id.in_(account_ids), _owns_nothing()).returning(_columns.id)
    execution = unowning.execution_options(synchronize_session=False)
    return len((await session.execute(execution)).scalars().all())
