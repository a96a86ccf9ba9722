"""The tables of accounts."""

from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID
from sqlalchemy import ForeignKey, Index, false, func, text, true
from sqlalchemy.orm import Mapped, mapped_column

from main_service.engines.postgres import Base


class Account(SQLAlchemyBaseUserTableUUID, Base):
    """A registered user. Email and username are unique in any case."""

    __tablename__ = "account"
    __table_args__ = (
        Index("uq_account_email", func.lower(text("email")), unique=True),
        Index("uq_account_username", func.lower(text("username")), unique=True),
        Index("ix_account_daily_report_day", "daily_report_day", postgresql_where=text("daily_report")),
        Index(
            "ix_account_registered_at_unconfirmed",
            "registered_at",
            postgresql_where=text("NOT is_verified AND NOT is_superuser"),
        ),
        Index("ix_account_left_at", "left_at", postgresql_where=text("left_at IS NOT NULL")),
    )

    if not TYPE_CHECKING:
        # mypy takes the types from fastapi-users, whose columns have defaults, and an index that tells capitals apart.
        id: Mapped[UUID] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column()
        hashed_password: Mapped[str] = mapped_column()
        is_active: Mapped[bool] = mapped_column()
        is_superuser: Mapped[bool] = mapped_column()
        is_verified: Mapped[bool] = mapped_column()
    username: Mapped[str | None]
    registered_at: Mapped[datetime]
    confirmation_sent_at: Mapped[datetime | None]
    """When an email to confirm the address was last sent; None: not known. Updated once a day."""
    session_epoch: Mapped[int]
    """Every JWT carries it. Raising it ends all sessions of the account."""
    counts_own_visits: Mapped[bool] = mapped_column(server_default=true())
    """Whether the user's visits to their own entries count."""
    daily_report: Mapped[bool] = mapped_column(server_default=false())
    """Whether an email each day tells the visits of the day before."""
    daily_report_day: Mapped[date | None]
    """The last day, in UTC, that the daily email has been sent for, or had no visits to tell."""
    deleted_at: Mapped[datetime | None] = mapped_column("left_at")
    """When its owner deleted it. The row stays, without name and address, until its entries are ended or released."""
    keeps_entries: Mapped[bool] = mapped_column("leaves_entries", server_default=false())
    """Whether the entries of a deleted account live on, without owner."""

    @property
    def is_open(self) -> bool:
        """Whether it may be signed in to: it is neither disabled nor deleted."""
        return self.is_active and self.deleted_at is None


class ApiToken(Base):
    """A token for a user's programs. Only its hash is stored."""

    __tablename__ = "api_token"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the token, which is so random that a slower hash would protect nothing."""
    may_write: Mapped[bool]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class RevokedSession(Base):
    """A session that was signed out of. Only revoked sessions are stored, until their tokens have expired."""

    __tablename__ = "ended_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
