"""Accounts in PostgreSQL: one function per question."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from main_service.accounts.credential_rules import identity, is_username
from main_service.accounts.models import Account, ApiToken, RevokedSession
from main_service.engines.postgres import Session

LAST_USED_PRECISION = timedelta(minutes=1)
"""A later use of an API token within this time is not recorded."""

_columns = Account.__table__.c

_CREATE = text(
    """
    INSERT INTO account (id, email, username, hashed_password, is_active, is_superuser, is_verified, registered_at,
                         session_epoch)
    VALUES (:id, :email, :username, :hashed_password, true, :is_superuser, :is_verified, now(), 0)
    ON CONFLICT DO NOTHING
    RETURNING id
    """
)


async def create(
    session: Session,
    *,
    account_id: UUID,
    email: str,
    username: str | None,
    hashed_password: str,
    is_superuser: bool = False,
    is_verified: bool = False,
) -> bool:
    """Insert an account; False, with nothing changed, if its email or username is taken."""
    values = {
        "id": account_id,
        "email": email,
        "username": username,
        "hashed_password": hashed_password,
        "is_superuser": is_superuser,
        "is_verified": is_verified,
    }
    return (await session.execute(_CREATE, values)).first() is not None


async def find(session: Session, account_id: UUID) -> Account | None:
    """The account, even if it is disabled or deleted; None: it has no row."""
    account: Account | None = await session.get(Account, account_id)
    return account


async def find_in_session(session: Session, account_id: UUID, session_id: UUID) -> Account | None:
    """The account, even if it is disabled or deleted; None: there is none, or the session was revoked."""
    is_revoked = exists().where(RevokedSession.id == session_id)
    account: Account | None = (
        await session.execute(select(Account).where(_columns.id == account_id, ~is_revoked))
    ).scalar_one_or_none()
    return account


async def revoke_session(session: Session, session_id: UUID, *, expires_at: datetime) -> None:
    """Record that a session was revoked. `expires_at`: when all its tokens have expired, so the record can go."""
    statement = insert(RevokedSession).values(id=session_id, expires_at=expires_at)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[RevokedSession.id],
            set_={"expires_at": func.greatest(RevokedSession.expires_at, statement.excluded.expires_at)},
        )
    )


async def find_by_email(session: Session, email: str) -> Account | None:
    """The account with this email, ignoring case, even if it is disabled. `email`: as `parse_email` returns it."""
    statement = select(Account).where(func.lower(Account.email) == func.lower(email))
    account: Account | None = (await session.execute(statement)).scalar_one_or_none()
    return account if account is not None and identity(account.email) == identity(email) else None


async def find_by_username(session: Session, username: str) -> Account | None:
    """The account with this username, ignoring case, even if it is disabled."""
    if not is_username(username):
        return None
    statement = select(Account).where(func.lower(Account.username) == func.lower(username))
    account: Account | None = (await session.execute(statement)).scalar_one_or_none()
    return account


async def find_for_update(session: Session, account_id: UUID) -> Account | None:
    """The account, read again, its row locked until the transaction ends."""
    statement = select(Account).where(_columns.id == account_id).with_for_update()
    found = await session.execute(statement.execution_options(populate_existing=True))
    account: Account | None = found.scalar_one_or_none()
    return account


async def change(session: Session, account: Account, values: dict[str, Any]) -> None:
    """Set attributes of the account, and flush."""
    for name, value in values.items():
        setattr(account, name, value)
    await session.flush()


async def rename(session: Session, account: Account, values: dict[str, Any]) -> bool:
    """Set email or username; False if another account has it. Then the transaction may have been rolled back."""
    # Looked up first, because PostgreSQL would write to its log about an UPDATE that fails.
    unique = [func.lower(_columns[name]) == func.lower(value) for name, value in _unique(values).items()]
    others = select(_columns.id).where(or_(*unique), _columns.id != account.id)
    if unique and (await session.execute(others)).first() is not None:
        return False
    try:
        await change(session, account, values)
    except IntegrityError:
        await session.rollback()
        return False
    return True


def _unique(values: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in ("email", "username") and value is not None}


async def mark_deleted(session: Session, account: Account, *, keeps_entries: bool) -> None:
    """Take the name, address, password and tokens from an account. Its entries, which may be many, follow later."""
    await change(
        session,
        account,
        {
            # No one can type this, and it frees the address for a new account.
            "email": f"left:{account.id}",
            "username": None,
            "hashed_password": "",
            "is_superuser": False,
            "session_epoch": account.session_epoch + 1,
            "deleted_at": datetime.now(UTC),
            "keeps_entries": keeps_entries,
        },
    )
    await delete_tokens(session, account.id)


async def create_token(session: Session, token: ApiToken) -> None:
    session.add(token)
    await session.flush()


async def list_tokens(session: Session, account_id: UUID) -> Sequence[ApiToken]:
    """The API tokens of an account, newest first."""
    statement = select(ApiToken).where(ApiToken.account_id == account_id).order_by(ApiToken.created_at.desc())
    return list((await session.execute(statement)).scalars())


async def count_tokens(session: Session, account_id: UUID) -> int:
    statement = select(func.count()).where(ApiToken.account_id == account_id)
    return int((await session.execute(statement)).scalar_one())


async def delete_token(session: Session, account_id: UUID, token_id: UUID) -> bool:
    """Delete an API token; False if the account has no such token."""
    statement = delete(ApiToken).where(ApiToken.account_id == account_id, ApiToken.id == token_id)
    return (await session.execute(statement.returning(ApiToken.id))).first() is not None


async def delete_tokens(session: Session, account_id: UUID) -> None:
    await session.execute(delete(ApiToken).where(ApiToken.account_id == account_id))


async def find_token(session: Session, token_hash: bytes) -> tuple[ApiToken, Account] | None:
    """An API token that has not expired, with its account."""
    statement = (
        select(ApiToken, Account)
        .join(Account, _columns.id == ApiToken.account_id)
        .where(ApiToken.token_hash == token_hash, ApiToken.expires_at.is_(None) | (ApiToken.expires_at > func.now()))
    )
    row = (await session.execute(statement)).first()
    return None if row is None else (row[0], row[1])


async def note_use(session: Session, token: ApiToken) -> None:
    """Record that an API token was used now, unless it was within `LAST_USED_PRECISION`."""
    now = datetime.now(UTC)
    if token.last_used_at is not None and token.last_used_at > now - LAST_USED_PRECISION:
        return
    await session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now))


async def lock_present(session: Session, account_ids: Collection[UUID]) -> Sequence[Account]:
    """The accounts of these ids that are not deleted, read again, their rows locked.

    They are locked in the order of their ids, so that two transactions that lock the same pair can't deadlock.
    """
    statement = select(Account).where(_columns.id.in_(account_ids), Account.deleted_at.is_(None)).order_by(_columns.id)
    locked = statement.with_for_update().execution_options(populate_existing=True)
    return list((await session.execute(locked)).scalars())
