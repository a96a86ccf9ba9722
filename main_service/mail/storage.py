"""The outbox in PostgreSQL, as the sender needs it. Each function skips emails that another worker is sending."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Executable, and_, delete, func, null, select, update

from main_service.engines.postgres import Session
from main_service.mail.outbox import Mail


def _is_waiting() -> ColumnElement[bool]:
    return and_(Mail.sent_at.is_(None), Mail.failed_at.is_(None))


def _is_due() -> ColumnElement[bool]:
    return and_(_is_waiting(), Mail.due_at <= func.now())


async def has_due(session: Session) -> bool:
    """Whether an email is due now."""
    return (await session.execute(select(Mail.id).where(_is_due()).limit(1))).first() is not None


async def waits_since(session: Session) -> datetime | None:
    """When the oldest waiting email was enqueued; None: none is waiting."""
    since: datetime | None = (await session.execute(select(func.min(Mail.created_at)).where(_is_waiting()))).scalar()
    return since


async def count_given_up(session: Session, *, within: timedelta) -> int:
    """How many emails were given up within this time."""
    given_up = select(func.count()).where(Mail.failed_at > func.now() - within)
    return int((await session.execute(given_up)).scalar_one())


async def take_due(session: Session) -> Mail | None:
    """The email that has been due for longest, locked until the transaction ends; None: none is due."""
    statement = select(Mail).where(_is_due()).order_by(Mail.due_at).limit(1).with_for_update(skip_locked=True)
    mail: Mail | None = (await session.execute(statement)).scalar_one_or_none()
    return mail


async def note_sent(session: Session, mail_id: int) -> None:
    """Store that an email was sent, and clear the values of its templates."""
    await _change(session, mail_id, sent_at=func.clock_timestamp(), values={})


async def note_failed(session: Session, mail_id: int) -> None:
    """Give an email up, and clear the values of its templates."""
    await _change(session, mail_id, failed_at=func.clock_timestamp(), attempts=Mail.attempts + 1, values={})


async def drop_attachment(session: Session, mail_id: int) -> None:
    """Have an email tried again at once, without its attachment."""
    await _change(session, mail_id, attachment=null(), due_at=func.clock_timestamp())


async def note_attempt(session: Session, mail_id: int, *, next_in: timedelta) -> None:
    """Count a failed attempt. The next one is due after `next_in`."""
    await _change(session, mail_id, attempts=Mail.attempts + 1, due_at=func.clock_timestamp() + next_in)


async def postpone_due(session: Session, *, by: timedelta) -> int:
    """Put off every email that is due; return how many. None has been tried, so none counts an attempt."""
    due = select(Mail.id).where(_is_due()).with_for_update(skip_locked=True)
    postponed = update(Mail).where(Mail.id.in_(due.scalar_subquery())).values(due_at=func.now() + by)
    return await _count(session, postponed.returning(Mail.id))


async def give_up_older(session: Session, *, than: timedelta) -> int:
    """Give up emails that have waited for longer; return how many."""
    old = select(Mail.id).where(_is_waiting(), Mail.created_at <= func.now() - than).with_for_update(skip_locked=True)
    given_up = update(Mail).where(Mail.id.in_(old.scalar_subquery())).values(failed_at=func.now(), values={})
    return await _count(session, given_up.returning(Mail.id))


async def purge_older(session: Session, *, than: timedelta, limit: int) -> int:
    """Delete at most `limit` emails enqueued longer ago, whether sent or not; return how many."""
    old = (
        select(Mail.id)
        .where(Mail.created_at <= func.now() - than)
        .order_by(Mail.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return await _count(session, delete(Mail).where(Mail.id.in_(old.scalar_subquery())).returning(Mail.id))


async def _change(session: Session, mail_id: int, **columns: object) -> None:
    statement = update(Mail).where(Mail.id == mail_id).values(**columns)
    await session.execute(statement, execution_options={"synchronize_session": False})


async def _count(session: Session, statement: Executable) -> int:
    rows = await session.execute(statement, execution_options={"synchronize_session": False})
    return len(rows.scalars().all())
