"""The tables of visits: `visit` has single visits, partitioned by month; the others have sums, which are shown."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from main_service.engines.postgres import Base

visit = Table(
    "visit",
    Base.metadata,
    Column("visited_at", DateTime(timezone=True), nullable=False),
    Column("key", Text(collation="C"), nullable=False),
    Column("owner_id", Uuid),
    Column("ip", INET),
    Column("country", Text),
    Column("device_type", Text),
    Column("browser", Text),
    Column("os", Text),
    Column("language", Text),
    Column("referrer", Text),
    Column("referrer_domain", Text),
    Column("target_domain", Text),
    Column("target_subdomain", Text),
    Column("domain_1st", Text),
    Column("domain_2nd", Text),
    Column("is_bot", Boolean, nullable=False),
    Index("ix_visit_visited_at", "visited_at", postgresql_using="brin"),
    Index("ix_visit_key_visited_at", "key", "visited_at"),
    postgresql_partition_by="RANGE (visited_at)",
)
"""One visit. Only ever inserted, and dropped by months; so it has no primary key."""


class VisitBatch(Base):
    """A batch of visits that is in PostgreSQL: what comes again under its id is not counted again."""

    __tablename__ = "visit_batch"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ingested_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)


class VisitHour(Base):
    """Visits of an entry in an hour of UTC."""

    __tablename__ = "visit_hour"
    __table_args__ = (Index("ix_visit_hour_hour_at", "hour_at"),)

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    people: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    bots: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    day_visitors: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Different people of the UTC day of this hour, as known when the hour was last counted; an estimate."""


class Dimension(StrEnum):
    COUNTRY = "country"
    DEVICE = "device"
    BROWSER = "browser"
    OS = "os"
    LANGUAGE = "language"
    REFERRER = "referrer"


class VisitDayValue(Base):
    """Visits of people to an entry on a day of UTC, by one value of one dimension. At most 100 values a day; the rest
    count as `OTHER`."""

    __tablename__ = "visit_day_value"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    dimension: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    visits: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class VisitMonth(Base):
    """A month of UTC in which an entry was visited, with its sums of `visit_hour`. None: they must be made, because the
    month is not over or visits came late; until then statistics read hours and days.
    """

    __tablename__ = "visit_month"
    __table_args__ = (Index("ix_visit_month_not_summed", "month", "key", postgresql_where=text("people IS NULL")),)

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    """The first day of the month."""
    people: Mapped[int | None] = mapped_column(BigInteger)
    bots: Mapped[int | None] = mapped_column(BigInteger)
    visitors: Mapped[int | None] = mapped_column(BigInteger)
    """Different people of each day, summed up over the days."""


class VisitMonthValue(Base):
    """A month's sum of `visit_day_value`. To be read only if `visit_month` has its sums."""

    __tablename__ = "visit_month_value"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    dimension: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    visits: Mapped[int] = mapped_column(BigInteger)


class ImportedFigures(Base):
    """A month of UTC in which another installation counted visits to an entry, as an export told them.

    In no sum, chart or ranking of visits that were counted here: who writes an export may write what they like.
    """

    __tablename__ = "imported_figures"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    """The first day of the month."""
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    people: Mapped[int] = mapped_column(BigInteger)
    bots: Mapped[int] = mapped_column(BigInteger)
    visitors: Mapped[int] = mapped_column(BigInteger)
    """Different people of each day, summed up over the days."""
    days: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """The lines of the export without their keys, in their order. A day may be there twice, counted by two."""
    size_bytes: Mapped[int]
    """The size of `days` as text."""


OTHER = "other"
UNKNOWN = "unknown"
