"""The outbox: emails that wait to be sent, as rows of PostgreSQL, written by the transaction that causes them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from main_service.engines.postgres import Base, Session
from main_service.monitoring.tracing import current_trace_parent


class Mail(Base):
    """An email: waiting, sent, or given up. Deleted 30 days after it was enqueued."""

    __tablename__ = "mail"
    __table_args__ = (
        Index("ix_mail_due_at_waiting", "due_at", postgresql_where=text("sent_at IS NULL AND failed_at IS NULL")),
        Index("ix_mail_failed_at", "failed_at", postgresql_where=text("failed_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    dedup_key: Mapped[str] = mapped_column("cause", Text(collation="C"), unique=True)
    """What the email is about; unique."""
    recipient: Mapped[str]
    template: Mapped[str] = mapped_column("letter")
    """The name of its templates."""
    values: Mapped[dict[str, str]] = mapped_column(JSONB)
    """What fills in the templates. They may hold tokens, so they are emptied once it has been sent or given up."""
    attachment: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    """A file to attach, as `Attachment`. None: there is none, or the email goes without it after failures."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    """Not to be tried before."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How often sending it has failed, but for times when the server was away."""
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    """When it was given up."""
    trace_parent: Mapped[str | None] = mapped_column(default=current_trace_parent)
    """The span in which it was enqueued, as a W3C `traceparent`; None: traces were off."""


@dataclass(frozen=True)
class Attachment:
    """A file of the object store. If it is gone when the email is sent, the email goes without it."""

    file_id: UUID
    name: str
    media_type: str


async def enqueue(
    session: Session,
    *,
    dedup_key: str,
    recipient: str,
    template: str,
    values: Mapping[str, str],
    attachment: Attachment | None = None,
) -> bool:
    """Have an email sent once the transaction is committed; False if there is one with this `dedup_key` already.

    `dedup_key`: what the email is about, unique among those of the last 30 days. While another transaction is
    enqueueing an email with the same, this waits for its end.
    `recipient`: one address without a name. An internationalised domain reaches more servers in its ASCII form (xn--…).
    `template`: names `templates/mail/<template>.txt` and `.html`; `values` fills them in.
    """
    statement = (
        insert(Mail)
        .values(
            dedup_key=dedup_key,
            recipient=recipient,
            template=template,
            values=dict(values),
            # None would become a JSON null, not an SQL NULL.
            **({"attachment": {**asdict(attachment), "file_id": str(attachment.file_id)}} if attachment else {}),
        )
        .on_conflict_do_nothing(index_elements=[Mail.dedup_key])
        .returning(Mail.id)
    )
    return (await session.execute(statement)).scalar_one_or_none() is not None
